"""What the guard lets in, frame by frame; the bus tests show it at work."""

import pytest

from edge.hardware.guard import RtuFraming, TcpFraming
from firmware_protocols import modbus_rtu
from firmware_protocols.modbus_pdu import DataReply, Function
from firmware_protocols.modbus_tcp import TcpFrame

ASKED = TcpFrame(7, 1, bytes.fromhex("02 00 00 00 08")).encode()
ANSWER = TcpFrame(7, 1, bytes.fromhex("02 01 05"))


def test_the_answer_of_this_transaction_is_found_behind_others() -> None:
    late = TcpFrame(6, 1, bytes.fromhex("02 01 ff")).encode()
    frame, reply = TcpFraming().reply(ASKED, late + ANSWER.encode())
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
    assert TcpFraming().reply(ASKED, received) == (b"", None)


def test_with_an_echo_nothing_before_it_counts() -> None:
    asked = modbus_rtu.encode(1, bytes.fromhex("05 02 03 00 04"))
    echoing, plain = RtuFraming(local_echo=True), RtuFraming(local_echo=False)
    assert plain.reply(asked, asked)[0] == asked
    assert echoing.reply(asked, asked) == (b"", None)
    assert echoing.reply(asked, asked[:5]) == (b"", None)
    assert echoing.reply(asked, b"\x00" + asked + asked)[0] == asked
