"""Numbers that a station counts: what lies further ahead than any honest count gets is refused, not counted on from."""

import json
from collections.abc import AsyncIterator

import pytest

from cloud.sync import feed
from cloud.sync.ingest import heads_tx
from cloud.sync.sessions import hello_tx
from common.contract import protocol
from common.kit.errors import InvalidError
from common.kit.sqldb import SqlDb
from tests.cloud.sync.stories import STATION, batch, doors
from tests.cloud.sync.test_server import Bench, bench_of, dump


@pytest.fixture
async def bench(db: SqlDb) -> AsyncIterator[Bench]:
    async with bench_of(db) as opened:
        yield opened


@pytest.mark.parametrize("name", ["session", "boot_epoch", "gen"])
async def test_a_hello_far_ahead_of_what_the_hub_knows_is_refused_and_nothing_of_it_kept(
    bench: Bench, name: str
) -> None:
    """A new key does not make a station a stranger: what its old program may say, the new one has to live with."""
    await bench.device.greet()
    before = bench.db.read_now(lambda c: feed.station_tx(c, STATION))
    known = getattr(before, name)
    for ahead in (protocol.AHEAD + 1, 2**49 - 1 - known):
        hello = bench.device.hello(**{name: known + ahead})
        said = await bench.device.send("POST", protocol.HELLO_PATH, dump(hello))
        assert (said.status, said.key) == (422, "sync.invalid")
        assert name in json.loads(said.body)["detail"]
    assert bench.db.read_now(lambda c: feed.station_tx(c, STATION)) == before
    await bench.device.greet(**{name: known + protocol.AHEAD})


async def test_with_a_new_key_sessions_begin_anew_and_epochs_go_on(bench: Bench) -> None:
    await bench.device.greet()
    gateway = bench.gateway
    bench.db.write_now(lambda c: gateway.revoke_key_tx(c, STATION))
    bench.db.write_now(lambda c: gateway.register_station_tx(c, STATION, bytes(32)))
    state = bench.db.read_now(lambda c: feed.station_tx(c, STATION))
    base = bench.device.hello(session=2**30)
    far = bench.device.hello(session=2**30, boot_epoch=2**30)
    with pytest.raises(InvalidError, match="boot_epoch"):
        bench.db.write_now(lambda c: hello_tx(c, STATION, far, 1))
    answer = bench.db.write_now(lambda c: hello_tx(c, STATION, base, 1))
    assert answer is not None
    assert (answer.session, answer.min_boot_epoch) == (2**30 + 1, state.boot_epoch + 1)


async def test_events_far_above_the_boot_epoch_of_their_session_are_refused(bench: Bench) -> None:
    """A fork is told anew one epoch higher without a hello; nothing honest lies further up."""
    await bench.device.greet()
    state = bench.db.read_now(lambda c: feed.station_tx(c, STATION))
    most = state.boot_epoch + protocol.EVENTS_AHEAD
    for boot_epoch, status in ((2**53 - 1, 422), (most + 1, 422), (most, 200)):
        sent = dump(batch(doors("A1", boot_epoch=boot_epoch)))
        answer = await bench.device.send("POST", protocol.EVENTS_PATH, sent)
        assert answer.status == status, boot_epoch
        assert status == 200 or answer.key == "sync.invalid"
    head = bench.db.read_now(lambda c: heads_tx(c, STATION)).facts
    assert head.order == (most, 1)
