"""The printer's driver on the simulated one: what is said when it cannot print, and that nobody waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from device_sim.printer_device import PrinterDevice
from edge.hardware.ports import Printer, PrintResult
from firmware_protocols.escpos import Paper, Status
from tests.edge.hardware.device_bench import DeviceBench, cabinet_with, on_devices, station_with

T = TypeVar("T")
READY = Status(is_off_line=False, is_cover_open=False, has_error=False, paper=Paper.OK)
OUT = Status(is_off_line=False, is_cover_open=False, has_error=False, paper=Paper.OUT)
LINES = ["感谢回收", "1.23 kg"]


class PrintBench:
    """Short words."""

    def __init__(self, bench: DeviceBench) -> None:
        self.bench, self.cable = bench, bench.cables["printer"]
        found = bench.cabinet.serial.devices["printer"]
        assert isinstance(found, PrinterDevice)
        self.device = found
        assert bench.devices.printer is not None
        self.driver: Printer = bench.devices.printer

    @property
    def text(self) -> str:
        return self.device.printed.decode("gb18030")

    async def print(self, within_s: float = 6.0) -> PrintResult:
        async with asyncio.timeout(within_s):
            return await self.driver.print(LINES)


def on_printer(body: Callable[[PrintBench], Awaitable[T]], *, ready: bool = True) -> T:
    async def main(bench: DeviceBench) -> T:
        printer = PrintBench(bench)
        if ready:
            await bench.until(lambda: printer.driver.state.sound)
        return await body(printer)

    return on_devices(
        cabinet_with({"name": "printer", "kind": "escpos"}),
        station_with(printer={"port": "/dev/printer", "cuts": True}),
        main,
    )


def test_a_receipt_comes_out_once() -> None:
    async def body(printer: PrintBench) -> None:
        assert await printer.print() is PrintResult.PRINTED
        assert printer.text == "\x1b@感谢回收\n1.23 kg\n\n\n\n\n\x1dV\x01"
        assert printer.driver.state.detail == "ready"
        await asyncio.sleep(30)
        assert printer.text.count("1.23") == 1

    on_printer(body)


@pytest.mark.parametrize(
    ("status", "result", "words"),
    [
        (OUT, PrintResult.NO_PAPER, "out of paper"),
        (Status(False, True, False, Paper.OK), PrintResult.NOT_READY, "cover"),
        (Status(False, False, True, Paper.OK), PrintResult.NOT_READY, "error"),
    ],
)
def test_one_that_cannot_print_is_sent_nothing(
    status: Status, result: PrintResult, words: str
) -> None:
    async def body(printer: PrintBench) -> None:
        printer.device.become(status)
        assert await printer.print() is result
        assert words in printer.driver.state.text
        assert printer.driver.state.up
        assert not printer.driver.state.sound
        printer.device.become(READY)
        assert printer.text == ""  # nothing was kept that would come out for the next person
        assert await printer.print() is PrintResult.PRINTED

    on_printer(body)


def test_low_paper_prints_and_is_said() -> None:
    async def body(printer: PrintBench) -> None:
        printer.device.become(Status(False, False, False, Paper.LOW))
        assert await printer.print() is PrintResult.PRINTED
        assert printer.driver.state.detail == "paper is low"
        assert [news[2] for news in printer.bench.news] == [True]  # no matter for the hub
        assert printer.driver.state.sound

    on_printer(body)


def test_paper_that_runs_out_meanwhile_is_no_receipt() -> None:
    async def body(printer: PrintBench) -> None:
        feed = printer.device.feed

        def tears(data: bytes, at_s: float) -> object:
            if b"\x1b@" in data:
                printer.device.become(OUT)
            return feed(data, at_s)

        printer.device.feed = tears  # type: ignore[method-assign,assignment]
        assert await printer.print() is PrintResult.NO_PAPER

    on_printer(body)


def test_off_line_is_said_when_nothing_else_is_wrong() -> None:
    async def body(printer: PrintBench) -> None:
        printer.device.become(Status(True, False, False, Paper.OK))
        assert await printer.print() is PrintResult.NOT_READY
        assert "press its button" in printer.driver.state.text

    on_printer(body)


def test_a_silent_one_is_away_and_nobody_waits() -> None:
    async def body(printer: PrintBench) -> None:
        assert await printer.print(within_s=0.01) is PrintResult.AWAY
        await printer.bench.until(lambda: printer.driver.state.sound)
        printer.device.feed = lambda data, at_s: []  # type: ignore[method-assign]
        assert await printer.print() is PrintResult.AWAY
        assert not printer.driver.state.up
        assert await printer.print(within_s=0.01) is PrintResult.AWAY

    on_printer(body, ready=False)


def test_a_port_that_goes_away_under_a_receipt_leaves_it_unsure() -> None:
    async def body(printer: PrintBench) -> None:
        asked = asyncio.create_task(printer.print())
        await printer.bench.until(lambda: any(b"\x1b@" in one.data for one in printer.cable.sent))
        printer.cable.pull()
        assert await asked is PrintResult.UNSURE
        printer.cable.plugged = True
        await printer.bench.until(lambda: printer.driver.state.sound)
        assert await printer.print() is PrintResult.PRINTED

    on_printer(body)


def test_a_receipt_nobody_waits_for_any_more_is_not_printed() -> None:
    async def body(printer: PrintBench) -> None:
        printer.device.feed = lambda data, at_s: []  # type: ignore[method-assign]
        asked = [asyncio.create_task(printer.print()) for _ in range(3)]
        done = [await one for one in asked]
        assert done.count(PrintResult.AWAY) == 3
        del printer.device.feed
        await printer.bench.until(lambda: printer.driver.state.sound)
        await asyncio.sleep(30)
        assert printer.text == ""

    on_printer(body)
