"""A code held before the scanner of a whole station: the door opens, the hub hears of a scanner that is gone."""

import asyncio
from pathlib import Path
from typing import Any

from device_sim.scanner_device import ScannerDevice
from edge.pickup.views import Step
from tests.edge.pickup.house import House, in_house
from tests.edge.pickup.test_qr import Signer, leave

SCANNER: dict[str, Any] = {"scanner": {"kind": "gm65", "port": "/dev/scanner"}}


def hold(house: House, text: str, times: int = 1) -> None:
    """Hold a code before the scanner."""
    name, device = house.cabinet.serial.find(ScannerDevice)
    said = device.show(text.encode(), times=times)
    house.cabinet.serial.say(name, said, house.cabinet.settle_now())


async def set_up(house: House) -> None:
    async with asyncio.timeout(10):
        while not house.edge.scans.can_scan:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)


def test_a_scanned_qr_opens_the_door_once_while_it_is_held(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grant = await house.delivered("LP-0001")
        await set_up(house)
        before = house.pulses
        hold(house, signer.text(signer.grant(grant)), times=6)
        assert (await house.until(Step.OPEN)).items == 3
        await asyncio.sleep(5)
        assert house.pulses == before + 1
        await leave(house)
        await asyncio.sleep(5)
        hold(house, signer.text(signer.grant(grant)))
        await asyncio.sleep(2)
        assert house.pulses == before + 1

    in_house(tmp_path, body, **SCANNER)


def test_digits_under_the_scanner_are_no_keypad(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await house.delivered("LP-0001")
        await set_up(house)
        before = house.pulses
        for number in range(30):
            hold(house, f"{40718253 + number}")
            await asyncio.sleep(1)
        assert house.pulses == before
        assert house.edge.pickup.session() is None

    in_house(tmp_path, body, **SCANNER)


def test_the_hub_hears_that_the_scanner_is_gone(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        await set_up(house)
        house.cables["scanner"].pull()
        await asyncio.sleep(1)
        assert not house.edge.scans.can_scan
        told = [one for one in house.events("bus.state_changed") if one["bus"] == "scanner"]
        assert [event["up"] for event in told][:2] == [True, False]
        assert "plug it in" in told[1]["detail"]

    in_house(tmp_path, body, **SCANNER)
