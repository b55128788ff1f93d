"""Every parser of the wire as one function of bytes: may only say WireError or RangeError, may keep only so much.

Used by a Hypothesis test on every run and by `make fuzz` for as long as asked.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

from firmware_protocols import (
    kerong_cu16,
    kerong_cu48,
    lc_relay,
    modbus_pdu,
    modbus_rtu,
    modbus_tcp,
    qianming,
    r421a08,
    waveshare_relay,
    wkly,
    xor_8a80,
    xy_md02,
)
from firmware_protocols.errors import RangeError, WireError
from tests.proof.device_parsers import DEVICE_PARSERS

MOST_KEPT_BYTES = 256
Parser = Callable[[bytes], None]
_SORRY = (WireError, RangeError)


def _modbus_rtu(data: bytes) -> None:
    for split in (modbus_rtu.split_requests(data), modbus_rtu.split_replies(data)):
        _bounded(split.rest, data, split.noise_bytes)
        for frame in split.frames:
            with suppress(*_SORRY):
                _modbus_meanings(frame.pdu)
    for asked in _MODBUS_ASKED:
        modbus_rtu.pick_reply(asked, data)
    with suppress(*_SORRY):
        modbus_rtu.decode(data)


def _modbus_pdu(data: bytes) -> None:
    with suppress(*_SORRY):
        _modbus_meanings(data)
    for size in (modbus_pdu.request_bytes, modbus_pdu.reply_bytes):
        with suppress(*_SORRY):
            size(data)


def _modbus_meanings(pdu: bytes) -> None:
    with suppress(*_SORRY):
        request = modbus_pdu.parse_request(pdu)
        for kind in (waveshare_relay, r421a08, lc_relay):
            kind.as_pulse(request)
    reply = modbus_pdu.parse_reply(pdu)
    for read in (
        waveshare_relay.inputs,
        waveshare_relay.relays,
        lc_relay.inputs,
        xy_md02.measurement,
    ):
        with suppress(*_SORRY):
            read(reply)


def _modbus_tcp(data: bytes) -> None:
    with suppress(*_SORRY):
        _, rest = modbus_tcp.split(data)
        assert len(rest) <= MOST_KEPT_BYTES + modbus_pdu.MAX_PDU_BYTES


def _framed(
    codec: ModuleType, split: Any, asked: tuple[bytes, ...], reads: tuple[Any, ...]
) -> Parser:
    def parse(data: bytes) -> None:
        pieces = split(data)
        _bounded(pieces.rest, data, pieces.noise_bytes)
        for frame in (*pieces.frames, data):
            with suppress(*_SORRY):
                codec.parse_request(frame)
        for sent in asked:
            frame, answer = codec.pick_answer(sent, data)
            assert (answer is None) == (frame == b"")
            if answer is not None:
                assert frame in data
                codec.refusal(answer)
                for read in reads:
                    with suppress(*_SORRY):
                        read(answer)

    return parse


def _bounded(rest: bytes, data: bytes, noise_bytes: int) -> None:
    assert len(rest) <= MOST_KEPT_BYTES
    assert data.endswith(rest)
    assert 0 <= noise_bytes <= len(data)


_MODBUS_ASKED = tuple(
    modbus_rtu.encode(1, request.pdu())
    for request in (
        waveshare_relay.read_inputs(),
        waveshare_relay.pulse(3, 400),
        lc_relay.pulse(3, 400),
        r421a08.pulse(3, 1000),
        xy_md02.read_both(),
    )
)
PARSERS: Mapping[str, Parser] = {
    "modbus_rtu": _modbus_rtu,
    "modbus_pdu": _modbus_pdu,
    "modbus_tcp": _modbus_tcp,
    "wkly": _framed(
        wkly, wkly.frames,
        tuple(wkly.encode(1, one) for one in (wkly.read_all(), wkly.read_one(2), wkly.open_one(2), wkly.blink(2))),
        (wkly.contact, wkly.contacts),
    ),
    "xor_8a80": _framed(
        xor_8a80, xor_8a80.requests,
        tuple(xor_8a80.encode(1, one) for one in (xor_8a80.read_all(), xor_8a80.read_one(2), xor_8a80.open_one(2))),
        (xor_8a80.contact, xor_8a80.contacts),
    ),
    "kerong_cu16": _framed(
        kerong_cu16, kerong_cu16.requests,
        tuple(
            kerong_cu16.encode(1, one)
            for one in (kerong_cu16.read_all(), kerong_cu16.read_pulse(), kerong_cu16.open_one(2))
        ),
        (kerong_cu16.doors, kerong_cu16.goods, kerong_cu16.pulse_ms),
    ),
    "kerong_cu48": _framed(
        kerong_cu48, kerong_cu48.requests,
        tuple(kerong_cu48.encode(1, one) for one in (kerong_cu48.read_all(), kerong_cu48.open_one(2))),
        (kerong_cu48.doors,),
    ),
    "qianming": _framed(
        qianming, qianming.requests,
        tuple(qianming.encode(1, one) for one in (qianming.read_doors(), qianming.read_goods(), qianming.open_box())),
        (lambda answer: qianming.of_boxes(answer, 1),),
    ),
    **DEVICE_PARSERS,
}  # fmt: skip
