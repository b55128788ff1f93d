"""The log up on both engines: once, in order, and never stopped by one bad event."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.sync import EventContext, Gateway
from cloud.sync.ingest import Accepted, Broken, Fork, Gap, Outcome, heads_tx, ingest_tx
from cloud.sync.models import alarm, event, quarantine
from common.contract.base import Message
from common.contract.events import DoorUnexpected, ReplicaApplied
from common.contract.protocol import START, EventsBatch, Position
from common.contract.words import Lane
from common.kit.sqldb import SqlDb
from tests.cloud.sync import stories
from tests.cloud.sync.stories import STATION, batch, doors, end_of

NOW_MS = stories.AT_MS + 60_000


class Hub:
    """A gateway with one business table: the alarm table's `detail` column is not touched by it."""

    def __init__(self, db: SqlDb) -> None:
        self.db = db
        self.gateway = Gateway()
        self.gateway.on_event("door.unexpected", self._effect)
        self.table = sa.Table(
            "effect", sa.MetaData(), sa.Column("label", sa.Text, primary_key=True)
        )
        self.table.metadata.create_all(db.engine)

    def _effect(self, conn: Connection, _context: EventContext, body: Message) -> None:
        assert isinstance(body, DoorUnexpected)
        conn.execute(self.table.insert().values(label=body.compartment))
        if body.compartment.startswith("BAD"):
            raise LookupError("no such door")

    def take(self, sent: EventsBatch) -> Outcome:
        handlers = self.gateway.handlers
        return self.db.write_now(lambda c: ingest_tx(c, STATION, sent, NOW_MS, handlers))

    def labels(self) -> list[str]:
        query = sa.select(self.table.c.label).order_by(self.table.c.label)
        return list(self.db.read_now(lambda c: c.execute(query).scalars().all()))

    def count(self, table: sa.Table) -> int:
        query = sa.select(sa.func.count()).select_from(table)
        return int(self.db.read_now(lambda c: c.execute(query).scalar_one()))

    def head(self) -> Position:
        return self.db.read_now(lambda c: heads_tx(c, STATION).facts)


def test_new_events_are_stored_verbatim_and_take_effect(db: SqlDb) -> None:
    subject = Hub(db)
    sent = batch(doors("A1", "A2"))
    assert subject.take(sent) == Accepted(end_of(sent), fresh=2, quarantined=0)
    assert subject.labels() == ["A1", "A2"]
    stored = db.read_now(lambda c: c.execute(sa.select(event).order_by(event.c.seq)).all())
    assert [row.body for row in stored] == [one.body for one in sent.events]
    assert bytes(stored[-1].chain).hex() == sent.chain
    assert {row.received_at_ms for row in stored} == {NOW_MS}


def test_a_batch_again_changes_nothing(db: SqlDb) -> None:
    subject = Hub(db)
    sent = batch(doors("A1", "A2"))
    subject.take(sent)
    assert subject.take(sent) == Accepted(end_of(sent), fresh=0, quarantined=0)
    assert subject.labels() == ["A1", "A2"]
    assert subject.count(alarm) == 0


def test_an_overlap_takes_only_what_is_new(db: SqlDb) -> None:
    subject = Hub(db)
    subject.take(batch(doors("A1", "A2")))
    longer = batch(doors("A1", "A2", "A3"))
    assert subject.take(longer) == Accepted(end_of(longer), fresh=1, quarantined=0)
    assert subject.labels() == ["A1", "A2", "A3"]


def test_a_new_boot_epoch_follows_the_old_chain(db: SqlDb) -> None:
    subject = Hub(db)
    first = batch(doors("A1", "A2"))
    subject.take(first)
    second = batch(doors("B1", boot_epoch=4), end_of(first))
    assert isinstance(subject.take(second), Accepted)
    assert subject.head().order == (4, 1)


def test_what_is_missing_is_asked_for(db: SqlDb) -> None:
    subject = Hub(db)
    first = batch(doors("A1"))
    subject.take(first)
    unseen = batch(doors("A2", first=2), end_of(first))
    third = batch(doors("A3", first=3), end_of(unseen))
    assert subject.take(third) == Gap(end_of(first))
    assert subject.labels() == ["A1"]


def test_what_is_gone_for_good_leaves_an_alarm_and_no_stop(db: SqlDb) -> None:
    subject = Hub(db)
    first = batch(doors("A1"))
    subject.take(first)
    lost = batch(doors("A2", first=2), end_of(first))
    third = batch(doors("A3", first=3), end_of(lost), hole=True)
    assert subject.take(third) == Accepted(end_of(third), fresh=1, quarantined=0)
    assert subject.labels() == ["A1", "A3"]
    kinds = db.read_now(lambda c: c.execute(sa.select(alarm.c.kind)).scalars().all())
    assert kinds == ["hole.facts"]


def test_another_story_under_the_same_number_is_a_fork(db: SqlDb) -> None:
    subject = Hub(db)
    told = batch(doors("A1", "A2"))
    subject.take(told)
    other = batch(doors("A1", "X2", "X3"))
    outcome = subject.take(other)
    assert isinstance(outcome, Fork)
    assert (outcome.at.order, outcome.head) == ((1, 2), end_of(told))
    assert subject.labels() == ["A1", "A2"]
    subject.take(other)
    rows = db.read_now(lambda c: c.execute(sa.select(alarm)).all())
    assert [(row.kind, row.times) for row in rows] == [("fork", 2)]


def test_what_both_stories_share_is_judged_by_the_chain_and_not_by_the_number(db: SqlDb) -> None:
    subject = Hub(db)
    ours, theirs = batch(doors("A1")), batch(doors("X1"))
    subject.take(ours)
    subject.take(batch(doors("A2", first=2), end_of(ours)))
    for before, shared in ((ours, (1, 1)), (theirs, (0, 0))):
        outcome = subject.take(batch(doors("X2", first=2), end_of(before)))
        assert isinstance(outcome, Fork)
        assert outcome.shared == shared


def test_a_later_epoch_that_skips_our_events_is_a_fork(db: SqlDb) -> None:
    subject = Hub(db)
    first = batch(doors("A1"))
    subject.take(first)
    subject.take(batch(doors("A2", first=2), end_of(first)))
    outcome = subject.take(batch(doors("X1", boot_epoch=2), end_of(first)))
    assert isinstance(outcome, Fork)
    assert outcome.at.order == (2, 1)


def test_an_epoch_told_without_our_events_before_it_is_a_fork_there(db: SqlDb) -> None:
    """Only as many of our rows are looked at as were told: those between show in the chain."""
    subject = Hub(db)
    first = batch(doors("A1", "A2", "A3"))
    subject.take(first)
    later = batch(doors("B1", boot_epoch=2), end_of(first))
    subject.take(later)
    end = end_of(later)
    outcome = subject.take(batch([*doors("A1"), *doors("B1", boot_epoch=2)]))
    assert isinstance(outcome, Fork)
    assert (outcome.head, outcome.at.order, outcome.shared) == (end, (2, 1), (1, 1))


def test_links_that_do_not_add_up_are_refused(db: SqlDb) -> None:
    subject = Hub(db)
    good = batch(doors("A1", "A2"))
    assert subject.take(good.model_copy(update={"chain": "00" * 32})) == Broken()
    assert subject.take(batch(doors("A1") + doors("A3", first=3))) == Broken()
    assert subject.head() == START


def test_a_failed_effect_is_undone_kept_apart_and_acknowledged(db: SqlDb) -> None:
    subject = Hub(db)
    sent = batch(doors("A1", "BAD", "A2"))
    assert subject.take(sent) == Accepted(end_of(sent), fresh=3, quarantined=1)
    assert subject.labels() == ["A1", "A2"]
    row = db.read_now(lambda c: c.execute(sa.select(quarantine)).one())
    assert (row.seq, row.type) == (2, "door.unexpected")
    assert "LookupError" in row.reason


def test_a_clash_in_the_domain_is_the_event_s_trouble(db: SqlDb) -> None:
    subject = Hub(db)
    sent = batch(doors("A1", "A1", "A2"))  # the second breaks the domain's primary key
    assert subject.take(sent) == Accepted(end_of(sent), fresh=3, quarantined=1)
    assert subject.labels() == ["A1", "A2"]


def test_a_body_nobody_can_read_is_kept_apart(db: SqlDb) -> None:
    subject = Hub(db)
    odd = [one.model_copy(update={"body": '{"compartment":7}'}) for one in doors("A1")]
    outcome = subject.take(batch(odd))
    assert isinstance(outcome, Accepted)
    assert outcome.quarantined == 1
    assert subject.count(event) == 1


def test_an_unknown_type_is_stored_and_acknowledged(db: SqlDb) -> None:
    subject = Hub(db)
    newer = [one.model_copy(update={"type": "oven.baked", "v": 3}) for one in doors("A1")]
    outcome = subject.take(batch(newer))
    assert outcome == Accepted(end_of(batch(newer)), fresh=1, quarantined=0)
    assert subject.count(event) == 1
    assert subject.count(quarantine) == 0


def test_lanes_do_not_know_each_other(db: SqlDb) -> None:
    subject = Hub(db)
    subject.take(batch(doors("A1")))
    sent = batch(doors("T1"), lane=Lane.TELEMETRY)
    assert isinstance(subject.take(sent), Accepted)
    heads = db.read_now(lambda c: heads_tx(c, STATION))
    assert heads.facts.order == heads.telemetry.order == (1, 1)
    assert heads.facts.chain != heads.telemetry.chain


def test_applied_counts_only_in_the_current_generation(db: SqlDb) -> None:
    subject = Hub(db)
    db.write_now(lambda c: subject.gateway.register_station_tx(c, STATION, b"k" * 32))
    rows = [
        stories.event(ReplicaApplied(gen=7, op=0), 1),
        stories.event(ReplicaApplied(gen=1, op=9), 2),
    ]
    subject.take(batch(rows))
    assert db.read_now(lambda c: subject.gateway.applied_op_tx(c, STATION)) == 0
