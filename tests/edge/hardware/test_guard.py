"""What the guard lets in, frame by frame; the bus tests show it at work."""

import pytest

from edge.hardware.guard import WireGuard
from edge.hardware.modbus_framing import RtuFraming, TcpFraming
from firmware_protocols import modbus_rtu
from firmware_protocols.modbus_pdu import DataReply, Function
from firmware_protocols.modbus_tcp import TcpFrame

ASKED = TcpFrame(7, 1, bytes.fromhex("02 00 00 00 08")).encode()
ANSWER = TcpFrame(7, 1, bytes.fromhex("02 01 05"))


def test_the_answer_of_this_transaction_is_found_behind_others() -> None:
    late = TcpFrame(6, 1, bytes.fromhex("02 01 ff")).encode()
    frame, reply = TcpFraming().pick_answer(ASKED, late + ANSWER.encode())
    assert frame == ANSWER.encode()
    assert reply == DataReply(Function.READ_DISCRETE_INPUTS, b"\x05")


@pytest.mark.parametrize(
    "received",
    [
        TcpFrame(6, 1, ANSWER.pdu).encode(),  # an older transaction
        TcpFrame(7, 2, ANSWER.pdu).encode(),  # another unit
        TcpFrame(7, 1, bytes.fromhex("01 01 05")).encode(),  # relays, not doors
        TcpFrame(7, 1, bytes.fromhex("02 02 05 00")).encode(),  # another count
        TcpFrame(7, 1, bytes.fromhex("2b 0e 01")).encode(),  # a function nobody knows
        ANSWER.encode()[:-1],  # not whole yet
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_everything_else_is_no_answer(received: bytes) -> None:
    assert TcpFraming().pick_answer(ASKED, received) == (b"", None)


def test_with_an_echo_nothing_before_it_counts() -> None:
    asked = modbus_rtu.encode(1, bytes.fromhex("05 02 03 00 04"))

    def heard(received: bytes, *, local_echo: bool) -> bytes:
        subject = WireGuard(
            RtuFraming(), lambda _unit, _request: True, lambda: None, local_echo=local_echo
        )
        subject(True, asked)
        return subject(False, received)

    assert heard(asked, local_echo=False) == asked
    assert heard(asked, local_echo=True) == b""
    assert heard(asked[:5], local_echo=True) == b""
    assert heard(b"\x00" + asked + asked, local_echo=True) == asked
