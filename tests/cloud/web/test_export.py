"""The export of a station's events: readable by a spreadsheet, whole over several pages, no formulas."""

import csv
import io
from datetime import UTC, datetime

import pytest

from cloud.stations.service import NewStation
from cloud.sync.ingest import ingest_tx
from cloud.web import export
from common.contract.chain import Link, next_link
from common.contract.events import DoorUnexpected, ParcelUnknownScanned, type_of
from common.contract.protocol import START, EventsBatch, WireEvent
from common.contract.words import Lane
from common.kit.clock import to_ms
from tests.cloud.harness import HubUnderTest
from tests.cloud.web.test_guards import client_of

AT_MS = to_ms(datetime(2026, 3, 2, 8, tzinfo=UTC))
BODIES = (
    ParcelUnknownScanned(label="=1+1", keeper_id="01K0KEEPER0000000000000001"),
    DoorUnexpected(compartment="A01", open=True),
    DoorUnexpected(compartment="A01", open=False),
)


async def _station(hub: HubUnderTest) -> str:
    rooms = hub.hub.rooms
    station_id = await rooms.stations.create_station(NewStation("一号", "One", "400-820-0123"))
    await rooms.stations.pair(station_id, bytes(range(32)))
    chain, found = bytes.fromhex(START.chain), []
    for seq, body in enumerate(BODIES, start=1):
        kind, text = type_of(body), body.model_dump_json()
        found.append(WireEvent(boot_epoch=1, seq=seq, occurred_at_ms=AT_MS, type=kind, body=text))
        chain = next_link(chain, Link(station_id, "facts", 1, seq, AT_MS, kind, 1, text))
    batch = EventsBatch(lane=Lane.FACTS, after=START, events=tuple(found), chain=chain.hex())
    handlers = rooms.gateway.handlers
    await rooms.db.write(lambda c: ingest_tx(c, station_id, batch, AT_MS, handlers))
    return station_id


async def test_every_event_is_in_the_file(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "EVENTS_AT_ONCE", 2)
    path = f"/stations/{await _station(hub)}"
    async with client_of(hub, "operator") as client:
        assert f'href="{path}/events.csv"' in (await client.get(path)).text
        answer = await client.get(f"{path}/events.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.content.startswith(b"\xef\xbb\xbf")
        head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert head[0] == "站点时间（Asia/Shanghai）"
        assert [row[5] for row in rows] == ["3", "2", "1"]
        assert rows[0][0] == "2026-03-02 16:00:00"
        assert "=1+1" in rows[2][6]
        assert not [cell for row in rows for cell in row if cell[:1] in "=+-@"]
        assert (
            await client.get("/stations/01K0N0TTHERE00000000000001/events.csv")
        ).status_code == 404
    answer = await hub.client.get(f"{path}/events.csv")
    assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert export.safe(cell) == f"'{cell}"
    assert export.safe(f"x{cell}") == f"x{cell}"
