"""One number without measure, from either side: nobody counts on from it, and no station dies of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cloud.sync.ingest import Accepted, ingest_tx
from cloud.sync.sessions import hello_tx
from common.contract.digest import EMPTY
from common.contract.events import DoorUnexpected
from common.contract.protocol import (
    AHEAD,
    EVENTS_AHEAD,
    START,
    BlobAnswer,
    Hello,
    HelloAnswer,
    Position,
    Positions,
)
from common.kit.errors import InvalidError
from common.kit.identity import new_private_key, public_key
from common.kit.ids import new_id
from common.kit.work import InlineWork
from edge.config import HubSection
from edge.sync import BlobStore, HubLink, LinkPorts
from edge.sync.bloblane import BlobLane
from edge.sync.client import HubAway
from edge.sync.contact import Contact
from edge.sync.sense import MOST, check_answer
from edge.sync.shadow import segments_tx
from tests.cloud.sync.stories import AT_MS, batch, event
from tests.edge.sync.conftest import Alone
from tests.edge.sync.mouth import Mouth, Say, heard_out
from tests.edge.sync.rig import HubRig, StationRig, until
from tests.edge.sync.test_strange_hubs import Down, _backoff, _digests, _page


def _hello(subject: StationRig, **other: int) -> Hello:
    names = (new_id(subject.clock, subject.chance) for _ in range(2))
    said = {
        "install_id": next(names), "hello_id": next(names), "session": 0, "boot_epoch": 1, "gen": 0,
        "op": 0, "digest": EMPTY.hex(), "app_version": "", "backlog_facts": 0,
        "backlog_telemetry": 0, "clock_offset_ms": 0, **other,
    }  # fmt: skip
    return Hello.model_validate(said)


def _pair_anew(hub: HubRig, subject: StationRig) -> None:
    """Revoke the key and give the station a computer with another one."""
    hub.db.write_now(lambda c: hub.gateway.revoke_key_tx(c, subject.station_id))
    key = new_private_key(subject.chance)
    subject.secrets = type(subject.secrets)(
        subject.station_id, key, bytes(32), bytes(16), bytes(32)
    )
    hub.register(subject.station_id, public_key(key))


@pytest.mark.parametrize("name", ["session", "boot_epoch", "gen"])
async def test_what_a_bad_program_said_of_itself_does_not_burden_the_next_computer(
    hub: HubRig, subject: StationRig, name: str
) -> None:
    bad = _hello(subject, **{name: 2**49 - 1})
    with pytest.raises(InvalidError, match=name):
        hub.db.write_now(lambda c: hello_tx(c, subject.station_id, bad, AT_MS))
    _pair_anew(hub, subject)
    for label in ("A1", "A2"):  # what it committed, it must be able to say at the next start
        async with hub.serving(), subject.running():
            await subject.door(label)
            await until(lambda: subject.is_empty() and hub.labels()[-1:] == [label])  # noqa: B023
        subject.restart()


async def test_an_event_at_the_end_of_what_is_believed_is_told_around(
    hub: HubRig, subject: StationRig
) -> None:
    """The honest story goes on one epoch higher: beyond that end, until a hello has said so."""
    station_id = subject.station_id
    hub.db.write_now(lambda c: hello_tx(c, station_id, _hello(subject), AT_MS))
    body = DoorUnexpected(compartment="EVIL", open=True)
    evil = batch([event(body, 1, 2 + EVENTS_AHEAD)], station_id=station_id)
    taken = hub.db.write_now(lambda c: ingest_tx(c, station_id, evil, AT_MS, hub.gateway.handlers))
    assert isinstance(taken, Accepted)
    _pair_anew(hub, subject)
    async with hub.serving():
        async with subject.running():
            await subject.door("A1")
            await until(lambda: subject.is_empty() and "A1" in hub.labels())
        subject.restart()
        async with subject.running():
            await subject.door("A2")
            await until(lambda: subject.is_empty() and "A2" in hub.labels())
    assert hub.labels() == ["EVIL", "A1", "A2"]


def _answer(session: int = 1, epoch: int = 1, gen: int = 1, **other: Any) -> HelloAnswer:
    acked = Positions(facts=START, telemetry=START)
    named = {"session": session, "min_boot_epoch": epoch, "gen": gen, "head_op": 0, "acked": acked}
    return HelloAnswer.model_validate({"server_time_ms": AT_MS, **named, **other})


def _at(epoch: int) -> Position:
    return START.model_copy(update={"boot_epoch": epoch})


_KNOWN = {"session": 3, "boot_epoch": 50, "gen": 2}
_FITTING = [
    (_KNOWN, _answer(3 + AHEAD, 50 + AHEAD, 2 + AHEAD)),
    (_KNOWN, _answer(1, 1, 1)),
    (_KNOWN, _answer(acked=Positions(facts=_at(1 + AHEAD), telemetry=_at(1 + AHEAD)))),
    (_KNOWN, _answer(proto=1)),
    ({}, _answer(MOST, MOST, MOST)),
]
_WILD = [
    (_KNOWN, _answer(session=4 + AHEAD)),
    (_KNOWN, _answer(epoch=51 + AHEAD)),
    (_KNOWN, _answer(gen=3 + AHEAD)),
    (_KNOWN, _answer(acked=Positions(facts=_at(2 + AHEAD), telemetry=START))),
    (_KNOWN, _answer(acked=Positions(facts=START, telemetry=_at(2 + AHEAD)))),
    (_KNOWN, _answer(proto=2**53 - 1)),
    ({}, _answer(session=MOST + 1)),
    ({}, _answer(epoch=MOST + 1)),
    ({}, _answer(gen=MOST + 1)),
]


@pytest.mark.parametrize(("own", "answer"), _FITTING)
def test_what_a_hub_can_know_is_believed(
    subject: StationRig, own: dict[str, int], answer: HelloAnswer
) -> None:
    check_answer(_hello(subject, **own), answer)


@pytest.mark.parametrize(("own", "answer"), _WILD)
async def test_an_answer_with_a_number_no_hub_reaches_is_no_answer(
    subject: StationRig, own: dict[str, int], answer: HelloAnswer
) -> None:
    """Nothing of it is kept, and the next one that makes sense is taken."""
    with pytest.raises(HubAway):
        check_answer(_hello(subject, **own), answer)
    await subject.boot()
    for name, number in own.items():
        subject.db.write_now(lambda c, n=name, to=number: _set(c, n, to))  # type: ignore[misc]
    before = _self(subject)
    between: list[tuple[object, ...]] = []

    async def sense(_hello: object) -> HelloAnswer:
        between.append(_self(subject))
        return _answer(session=4, epoch=51)

    mouth = Mouth(hello=[answer, sense])
    mouth.clock_offset_ms = 0  # type: ignore[attr-defined]

    @asynccontextmanager
    async def opened(_ports: LinkPorts, _config: HubSection) -> AsyncIterator[Mouth]:
        yield mouth

    ports = LinkPorts(
        subject.clock, subject.chance, aiohttp.TCPConnector, subject.secrets, opened  # type: ignore[arg-type]
    )  # fmt: skip
    link = HubLink(ports, subject.config, subject.db, subject.outbox, subject.replica)
    async with subject.talking(link):
        await until(lambda: link.view().online)
    assert (between, _self(subject)) == ([before], (4, 51, before[2]))


def _set(conn: Any, name: str, number: int) -> int:
    return int(conn.execute(f"UPDATE sync_self SET {name} = ?", (number,)).rowcount)


def _self(subject: StationRig) -> tuple[object, ...]:
    query = "SELECT session, boot_epoch, gen FROM sync_self"
    return subject.db.write_now(lambda c: tuple(c.execute(query).fetchone()))


@pytest.mark.parametrize("name", ["session", "boot_epoch", "gen"])
async def test_a_disk_that_holds_such_a_number_already_keeps_its_facts_and_says_so_once(
    hub: HubRig, subject: StationRig, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    await subject.boot()
    subject.db.write_now(lambda c: _set(c, name, 2**49))
    subject.restart()
    await subject.boot()
    link = subject.link()
    lost = asyncio.Event()
    turned_away = link._turned_away
    times = 0

    async def counted(error: Any) -> None:
        nonlocal times
        times += 1
        await turned_away(error)
        if times == 3:
            lost.set()

    link._turned_away = counted  # type: ignore[method-assign]
    async with hub.serving(), subject.talking(link):
        await subject.door("A1")
        await asyncio.wait_for(lost.wait(), 5)
        assert not link.view().online
        assert subject.outbox.backlog().facts == 1
    assert caplog.text.count(f"state.db holds what cannot be said ({name})") == 2, "log and outage"


@pytest.mark.parametrize("says", ["ops", "digests"])
async def test_a_place_no_hub_reaches_is_not_stored(alone: Alone, says: str) -> None:
    """The station would say it back at each hello."""
    down = Down(alone)
    await down.ready("A1")
    if says == "digests":
        down.subject.gen = 2
    far: dict[str, Say] = {
        "ops": _page("A2").model_copy(update={"to": MOST + 1}),
        "digests": _digests("A1", gen=2, op=MOST + 1, segments=alone.tx(segments_tx)),
    }
    before = await alone.replica.cursor()
    await down.hears(**{says: [far[says]]})
    assert await alone.replica.cursor() == before
    assert (down.moves, down.contact.view().online) == (0, False)


@pytest.mark.parametrize("received", [7, 2**53 - 1])
async def test_a_hub_that_has_more_of_a_photo_than_there_is_takes_none_away(
    alone: Alone, tmp_path: Path, received: int
) -> None:
    await alone.outbox.boot()
    store = BlobStore(alone.db, tmp_path / "blobs", InlineWork(), alone.clock, alone.outbox)
    digest = await store.add(b"a photo")
    contact = Contact(alone.clock)
    contact.heard()
    contact.ready.set()
    mouth = Mouth(blobs=[BlobAnswer(received=received, complete=False)])
    await heard_out(mouth, BlobLane(store, alone.outbox, contact, _backoff()).run(mouth))  # type: ignore[arg-type]
    kept = await store.next()
    assert kept is not None
    assert (kept.digest, contact.view().online) == (digest, False)
