"""A hub with something in it, on a thread of its own: what schemathesis asks."""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cloud.access.caller import OPERATOR, Caller
from cloud.api.assemble import DOCUMENT_PATH
from cloud.config import HubConfig, HubSection, LimitsSection
from cloud.orders.service import Wish
from cloud.seed import STATION_ID
from cloud.seed import seed as seed_town
from cloud.verify import violations_tx
from common.kit.clock import to_ms
from common.kit.identity import public_key
from tests.cloud.api.fuzzed_station import KEY, FuzzedStation
from tests.cloud.harness import HubUnderTest, MovableClock, ports, running_hub
from tests.parts import required

EXAMPLES = int(os.environ.get("LINLI_SCHEMATHESIS_EXAMPLES", "10" if required("campaign") else "4"))
GATEWAY = "/sync/"
DESK_CALLER = Caller("test", "test", frozenset({OPERATOR}))


@dataclass(slots=True)
class Town:
    """A hub with something in it, on its own thread; `known` fills paths with ids that exist."""

    url: str
    tokens: dict[str, str]
    document: dict[str, object]
    known: dict[str, str]
    station: FuzzedStation
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)


async def _fill(running: HubUnderTest, folder: Path) -> dict[str, str]:
    rooms = running.hub.rooms
    await seed_town(rooms, ports(MovableClock()), folder)
    await rooms.db.write(
        lambda conn: rooms.gateway.register_station_tx(conn, STATION_ID, public_key(KEY))
    )
    wish = Wish(running.person_id, STATION_ID, (("MILK-1L", 1), ("RICE-5KG", 1)))
    order_id = await rooms.orders.place(wish)
    await rooms.orders.pay(order_id)
    await rooms.orders.lock(order_id)
    view = await rooms.orders.view(order_id, DESK_CALLER)
    accounts = {one.login: one.account_id for one in await rooms.access.accounts()}
    return {
        "order_id": order_id,
        "parcel_id": view.parcels[0].parcel_id,
        "person_id": running.person_id,
        "station_id": STATION_ID,
        "sku": "MILK-1L",
        "label": "A01",
        "round_id": view.round_id,
        "account_id": accounts["driver"],
    }


@contextmanager
def served_town(url: str, folder: Path) -> Iterator[Town]:
    """Run the hub on a thread of its own: schemathesis asks from this one."""
    started: Future[Town] = Future()
    stop: Future[asyncio.Event] = Future()
    config = HubConfig(
        hub=HubSection(data=folder, port=0, database_url=url),
        limits=LimitsSection(requests_per_minute=10_000_000),
    )

    async def main() -> None:
        ending = asyncio.Event()
        stop.set_result(ending)
        async with running_hub(config, MovableClock()) as running:
            known = await _fill(running, folder)
            url = running.hub.web.url
            document = (await running.ask(None, "GET", DOCUMENT_PATH)).json()
            station = FuzzedStation(url, STATION_ID, to_ms(MovableClock().wall()))
            started.set_result(Town(url, running.tokens, document, known, station))
            await ending.wait()
            assert await running.hub.db.read(violations_tx) == []

    loop = asyncio.new_event_loop()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failed.append(error)
            if not started.done():
                started.set_exception(error)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield started.result(timeout=60)
    finally:
        loop.call_soon_threadsafe(stop.result(timeout=5).set)
        thread.join()
    assert failed == []
