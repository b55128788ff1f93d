"""Parsers of devices with a port of their own, and the reader of register profiles, as functions of bytes."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import cycle, islice
from typing import Any, Protocol

from edge.instruments import shipped
from firmware_protocols import cas, escpos, gm65, mt_sics, profile_codec, rdm6300, toledo
from firmware_protocols.errors import WireError
from firmware_protocols.modbus_pdu import BIT_READS, DataReply, ReadRequest
from firmware_protocols.profiles import names
from firmware_protocols.quality import Quality

MOST_KEPT_BYTES = 256
Parser = Callable[[bytes], None]


class _Stream(Protocol):
    """A parser that takes bytes as they come."""

    @property
    def pending_bytes(self) -> int:
        """Return how much is kept."""

    def feed(self, data: bytes) -> list[Any]:
        """Return what is whole now."""


def _stream(*make: Callable[[], _Stream]) -> Parser:
    """Feed in pieces; the first byte says how long they are."""

    def parse(data: bytes) -> None:
        for one in make:
            subject = one()
            for piece in _pieces(data):
                subject.feed(piece)
                assert subject.pending_bytes <= MOST_KEPT_BYTES

    return parse


def _pieces(data: bytes) -> Iterator[bytes]:
    size = 1 + (data[0] % 32 if data else 0)
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _gm65(data: bytes) -> None:
    subject = gm65.Parser()
    heard: list[gm65.Heard] = []
    for piece in _pieces(data):
        heard += subject.feed(piece)
    heard += subject.idle()
    assert not subject.pending
    for one in heard:
        if isinstance(one, gm65.Code):
            assert one.text.isascii()
            assert one.text.isprintable()
            assert len(one.text) <= gm65.LONGEST_CODE_BYTES
    for frame in gm65.commands(data).frames:
        gm65.parse_command(frame)
    with suppress(WireError):
        gm65.parse_command(data)


def _escpos(data: bytes) -> None:
    with suppress(WireError):
        escpos.status(data[:4])
    text = data.decode("utf-8", errors="replace")
    for encoding in ("gb18030", "cp437"):
        printed = escpos.receipt([text], encoding=encoding, cut=False)
        assert b"\x1b" not in printed.removeprefix(escpos.BEGIN)
        assert b"\x1d" not in printed


def _profiles(data: bytes) -> None:
    for kind in names():
        profile = shipped(kind)
        seen: dict[profile_codec.Place, int] = {}
        for request in profile_codec.plan(profile):
            body = bytes(islice(cycle(data or b"\0"), _answer_bytes(request)))
            seen |= profile_codec.image(request, DataReply(request.function, body))
            with suppress(WireError):
                profile_codec.image(request, DataReply(request.function, data))
        for reading in profile_codec.readings(profile, seen).values():
            assert (reading.value is None) == (reading.quality is not Quality.GOOD)
            assert reading.value is None or math.isfinite(reading.value)


def _answer_bytes(request: ReadRequest) -> int:
    return -(-request.count // 8) if request.function in BIT_READS else request.count * 2


DEVICE_PARSERS: Mapping[str, Parser] = {
    "toledo": _stream(lambda: toledo.Parser(checksum=False), lambda: toledo.Parser(checksum=True)),
    "mt_sics": _stream(mt_sics.Parser),
    "cas": _stream(cas.Parser),
    "rdm6300": _stream(rdm6300.Parser),
    "gm65": _gm65,
    "escpos": _escpos,
    "profiles": _profiles,
}
