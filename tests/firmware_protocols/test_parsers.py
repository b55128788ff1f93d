"""Every parser against bytes of all kinds: nothing but WireError and RangeError, and no buffer that grows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hardware.lock_drivers import SPEECHES
from firmware_protocols.lock_boards import LineProtocol
from firmware_protocols.weights import SCALES
from tests.firmware_protocols import vectors
from tests.proof.parsers import PARSERS

FRAMES = sorted(
    {
        bytes.fromhex(value)
        for value in vars(vectors).values()
        if isinstance(value, str) and set(value) <= set("0123456789abcdefABCDEF ")
    }
)
pieces = st.one_of(st.binary(max_size=40), st.sampled_from([b"\x01", *FRAMES]))
streams = st.lists(pieces, max_size=12).map(b"".join)


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_takes_whatever_comes(name: str) -> None:
    @settings(max_examples=150)
    @given(streams)
    def take(data: bytes) -> None:
        PARSERS[name](data)

    take()


@pytest.mark.parametrize("name", PARSERS)
def test_a_long_stream_of_one_byte_is_not_kept(name: str) -> None:
    for byte in (0x00, 0x01, 0x02, 0x57, 0x5A, 0x80, 0x8A, 0xFF):
        PARSERS[name](bytes([byte]) * 600)


def test_every_protocol_of_a_line_has_its_parser() -> None:
    framed = {str(one) for one in SPEECHES} - {str(LineProtocol.MODBUS)}
    devices = {*SCALES, "gm65", "rdm6300", "escpos", "profiles"}
    assert framed | devices | {"modbus_rtu", "modbus_pdu", "modbus_tcp"} == set(PARSERS)
