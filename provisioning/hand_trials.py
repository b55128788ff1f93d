"""Printer, scanner and card reader in a test: each does its work once, before a person's eyes."""

import asyncio

from common.kit.clock import Clock
from edge.hardware.ports import CardReader, Printer, PrintResult, Scanner
from edge.peripherals import PrinterSection
from provisioning.talk import Talk
from provisioning.tried import DeviceTried, DeviceWhy

_SHOWN = 12
HELD_S = 10.0
"""How long a code or a card is waited for after somebody said that it is there."""
_OF_RESULT: dict[PrintResult, DeviceWhy] = {
    PrintResult.NO_PAPER: "printer_no_paper",
    PrintResult.AWAY: "printer_away",
    PrintResult.UNSURE: "printer_unsure",
}


def receipt_lines(part: PrinterSection, station: str, at: str) -> list[str]:
    """Return a receipt in both languages; without a Chinese font in English alone."""
    chinese = [] if part.encoding == "cp437" else ["测试小票", "中文正常：冷藏 冷冻 常温 ￥", ""]
    return [
        "Linli 邻里" if chinese else "Linli",
        *chinese,
        "Test receipt",
        "English: chilled, frozen, ambient",
        "0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        station,
        at,
    ]


async def try_printer(
    talk: Talk, part: PrinterSection, printer: Printer, station: str, clock: Clock
) -> DeviceTried:
    """Print a receipt; well only when a person says that it can be read."""
    at = clock.wall().isoformat(timespec="seconds")
    result = await printer.print(receipt_lines(part, station, at))
    if result is PrintResult.NOT_READY:
        return DeviceTried.of("printer", "bad", "printer_not_ready", detail=printer.state.detail)
    if result is not PrintResult.PRINTED:
        return DeviceTried.of("printer", "bad", _OF_RESULT[result])
    if await _can_be_read(talk, chinese=part.encoding != "cp437"):
        return DeviceTried.of("printer", "well", "printer_read")
    return DeviceTried.of("printer", "bad", "printer_unread")


async def _can_be_read(talk: Talk, *, chinese: bool) -> bool:
    """Return a person's word; an empty answer is not taken for one."""
    while True:
        if chinese:
            answer = await talk.ask(
                "did_it_print", "Did it print, and can Chinese and English be read? y or n"
            )
        else:
            answer = await talk.ask(
                "did_it_print",
                "Did it print, and can the English be read (its `encoding` has no Chinese)? y or n",
            )
        if answer.lower() in ("y", "n"):
            return answer.lower() == "y"
        talk.line("Type y or n.")


async def try_scanner(talk: Talk, scanner: Scanner) -> DeviceTried:
    """Let somebody hold a code before it; what it says is shown and not kept: it may be a resident's."""
    answer = await talk.ask(
        "hold_code", "Hold a QR code before the scanner, then press Enter; - leaves it out."
    )
    if answer == "-":
        return DeviceTried.of("scanner", "left_out", "left_out")
    try:
        async with asyncio.timeout(HELD_S):
            text = await scanner.next()
    except TimeoutError:
        return DeviceTried.of("scanner", "bad", "scanner_nothing", within_s=HELD_S)
    if text is None:
        return DeviceTried.of("scanner", "bad", "scanner_unreadable")
    talk.line("  read: %(text)s", text=_short(text))
    return DeviceTried.of("scanner", "well", "scanner_read", signs=len(text))


async def try_wedge(talk: Talk) -> DeviceTried:
    """One that types at the screen is tried there: only a person sees it."""
    answer = await talk.ask(
        "wedge_works",
        "Hold a QR code before the scanner. Does the screen react? y or n; - leaves it out.",
    )
    if answer == "-":
        return DeviceTried.of("scanner", "left_out", "left_out")
    if answer.lower() == "y":
        return DeviceTried.of("scanner", "well", "wedge_works")
    return DeviceTried.of("scanner", "bad", "wedge_fails")


async def try_card_reader(talk: Talk, reader: CardReader) -> DeviceTried:
    """Let somebody hold a card on it; the number is shown and not kept."""
    answer = await talk.ask(
        "hold_card", "Hold a card on the reader, then press Enter; - leaves it out."
    )
    if answer == "-":
        return DeviceTried.of("card_reader", "left_out", "left_out")
    try:
        async with asyncio.timeout(HELD_S):
            card = await reader.next()
    except TimeoutError:
        return DeviceTried.of("card_reader", "bad", "card_nothing", within_s=HELD_S)
    talk.line("  read: %(text)s", text=card)
    return DeviceTried.of("card_reader", "well", "card_read")


def _short(text: str) -> str:
    """Enough to recognise it by, too little to open anything with."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
