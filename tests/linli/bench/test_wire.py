"""Wire times against the table of the performance reference, and the tap on a real pty."""

import asyncio
import os
import tty
from pathlib import Path

import pytest

from edge.config import BusSection
from edge.hardware.line import open_line
from firmware_protocols import modbus_rtu
from linli.bench.floor import Floor
from linli.bench.wire import PULSE_BYTES, Tap, is_pulse, wire_s

PULSE = modbus_rtu.encode(1, bytes.fromhex("0502000004"))
READ = modbus_rtu.encode(1, bytes.fromhex("0200000008"))


@pytest.mark.parametrize(
    ("baud", "wanted_ms"), [(9600, 23.96), (19_200, 11.98), (38_400, 7.67), (115_200, 4.89)]
)
def test_wire_time_of_a_pulse_8n1(baud: int, wanted_ms: float) -> None:
    assert wire_s(*PULSE_BYTES, baud) * 1000 == pytest.approx(wanted_ms, abs=0.01)


def test_a_pulse_is_told_from_other_requests() -> None:
    assert is_pulse(PULSE)
    assert not is_pulse(READ)
    assert not is_pulse(modbus_rtu.encode(1, bytes.fromhex("0500000000")))


async def test_the_tap_sees_pulse_echo_request_and_reply(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Client(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            got.put_nowait(data)

    section = BusSection(name="bus0", port=os.ttyname(theirs))
    subject = Tap(open_line(section))
    transport, _ = await subject.connect(Client)
    transport.setup()
    try:
        subject.arm()
        for frame, reply in ((READ, b"r"), (PULSE, PULSE), (READ, b"reply")):
            transport.write(frame)
            await asyncio.sleep(0.01)
            os.write(ours, reply)
            await got.get()
        assert subject.pulsed.is_set()
        assert not subject.read_back.is_set()
        transport.write(READ)
        await asyncio.wait_for(subject.read_back.wait(), 2)
        assert subject.pulse_s < subject.echo_s < subject.ask_s < subject.read_back_s
    finally:
        transport.close()
        os.close(ours)
        os.close(theirs)


def test_the_floor_commits_and_writes(tmp_path: Path) -> None:
    subject = Floor(tmp_path / "floor.db", rows=10)
    wall_s, cpu_s = subject.once()
    assert wall_s > 0
    assert cpu_s >= 0
    subject.close()
    assert (tmp_path / "floor.db").stat().st_size > 0
