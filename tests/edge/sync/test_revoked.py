"""A revoked key: the held poll ends, the next request is refused, also at a worker that was told nothing."""

import asyncio

import pytest

from cloud.sync.models import station as station_table
from common.contract import protocol
from common.kit.errors import ConflictError
from common.kit.identity import new_private_key, public_key
from edge.sync.fence import Why
from tests.edge.sync.rig import HubRig, StationRig, until


async def test_a_revoked_station_is_out_at_once_and_says_so(
    hub: HubRig, subject: StationRig, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub.serving(), subject.running() as link:
        await subject.door("A1")
        await until(subject.is_empty)
        await hub.db.write(lambda c: hub.gateway.revoke_key_tx(c, subject.station_id))
        await until(lambda: link.view().why is Why.REVOKED)  # its poll was held for five seconds
        await subject.door("A2")
        assert hub.labels() == ["A1"]
        assert "revoked this station's key" in caplog.text
        old = public_key(subject.secrets.private_key)
        with pytest.raises(ConflictError):
            hub.register(subject.station_id, old)
    seed = new_private_key(subject.chance)
    hub.register(subject.station_id, public_key(seed))
    subject.secrets = type(subject.secrets)(
        subject.station_id, seed, bytes(32), bytes(16), bytes(32)
    )
    subject.restart()
    async with hub.serving(), subject.running() as link:
        await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2"])
        await until(lambda: link.view().why is Why.NONE)


async def test_a_worker_that_hears_no_hint_ends_the_poll_when_its_time_is_over(
    hub: HubRig, subject: StationRig
) -> None:
    """No hint reaches this worker, as when its listening connection is lost: the poll's own end is the bound."""
    subject.config = subject.config.model_copy(update={"poll_wait_s": 0.3})
    async with hub.serving(), subject.running() as link:
        await until(lambda: link.view().online)
        await asyncio.to_thread(_revoke_unheard, hub, subject)
        await until(lambda: link.view().why is Why.REVOKED)
    assert protocol.MAX_WAIT_S <= 60


def _revoke_unheard(hub: HubRig, subject: StationRig) -> None:
    """Write past the store, so that nobody is hinted."""
    key = public_key(subject.secrets.private_key)
    with hub.db.engine.begin() as conn:
        gone = {"public_key": None, "revoked_key": key, "session": 0}
        conn.execute(station_table.update().values(gone))


async def test_a_station_without_a_key_has_none_to_revoke(hub: HubRig, subject: StationRig) -> None:
    await hub.db.write(lambda c: hub.gateway.revoke_key_tx(c, subject.station_id))
    with pytest.raises(ConflictError) as refused:
        await hub.db.write(lambda c: hub.gateway.revoke_key_tx(c, subject.station_id))
    assert refused.value.key == "station.not_paired"
