"""One number without measure, from either side: nobody counts on from it, and no station dies of it."""

import pytest

from cloud.sync.ingest import Accepted, ingest_tx
from cloud.sync.sessions import hello_tx
from common.contract.digest import EMPTY
from common.contract.events import DoorUnexpected
from common.contract.protocol import EVENTS_AHEAD, Hello
from common.kit.errors import InvalidError
from common.kit.identity import new_private_key, public_key
from common.kit.ids import new_id
from tests.cloud.sync.stories import AT_MS, batch, event
from tests.edge.sync.rig import HubRig, StationRig, until


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
    hub.gateway.on_fork.append(lambda conn, station, facts: None)
    async with hub.serving():
        async with subject.running():
            await subject.door("A1")
            await until(lambda: subject.is_empty() and "A1" in hub.labels())
        subject.restart()
        async with subject.running():
            await subject.door("A2")
            await until(lambda: subject.is_empty() and "A2" in hub.labels())
    assert hub.labels() == ["EVIL", "A1", "A2"]
