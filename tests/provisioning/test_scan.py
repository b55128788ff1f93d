"""Looking moves nothing: every frame of a scan is a read in every protocol; each kind of board is told apart."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.kit.errors import ConflictError, InvalidError
from device_sim.app import Sim
from device_sim.config import CabinetConfig, load
from device_sim.faults import AdapterUnplugged
from edge.config import BusSection
from edge.hardware.errors import FrameRefusedError
from firmware_protocols import (
    kerong_cu16,
    kerong_cu48,
    modbus_pdu,
    profiles,
    qianming,
    wkly,
    xor_8a80,
)
from firmware_protocols.errors import WireError
from firmware_protocols.lock_boards import LOCK_BOARDS, LineProtocol, LockKind
from firmware_protocols.modbus_pdu import (
    DataReply,
    Function,
    ReadRequest,
    WriteOneRequest,
    bits,
    registers,
)
from provisioning import scan as scanning
from provisioning.families import recognise
from provisioning.record import load_record
from provisioning.scan import Wanted, scan_port
from provisioning.scanning import wanted
from provisioning.wire import ModbusCodec, Wire
from tests.device_sim.cabinets import ROOT, Rig, lock_cabinet, profile_cabinet
from tests.provisioning.site import at_cabinet
from tests.provisioning.small import small
from tests.provisioning.technician import Technician

CABINETS = ROOT / "cabinets"
CODECS = (wkly, xor_8a80, kerong_cu16, kerong_cu48, qianming)
REGISTERS = (0, 1, 2, 0x46, 0xFE, 256, 0x0101, 0x4000, 0x8000)
"""Every wire address that the families read, with counts up to 32."""


def _modbus_reads() -> list[bytes]:
    codec = ModbusCodec(tcp=False)
    return [
        codec.encode(unit, modbus_pdu.ReadRequest(function, register, count))
        for unit in codec.UNITS
        for function in sorted(modbus_pdu.READS)
        for register in REGISTERS
        for count in (1, 2, 8, 10, 12, 16, 32)
    ]


def test_no_frame_of_a_scan_moves_anything_in_any_protocol() -> None:
    frames = _modbus_reads()
    for protocol, codec in scanning._FRAMED.items():
        one = scanning._Try(protocol, 9600)
        frames += [codec.encode(unit, scanning._question(one)) for unit in codec.UNITS]
    assert len(frames) > 50_000
    for codec in CODECS:
        split: Any = codec.frames if codec is wkly else codec.requests
        for frame in frames:
            for whole in split(frame).frames:
                try:
                    _, request = codec.parse_request(whole)
                except WireError:
                    continue
                assert codec.is_read(request), f"{frame.hex(' ')} moves a {codec.__name__}"


async def test_a_write_does_not_leave() -> None:
    class Recorder(asyncio.Transport):
        def __init__(self) -> None:
            self.sent: list[bytes] = []

        def write(self, data: bytes) -> None:  # type: ignore[override]
            self.sent.append(data)

        def close(self) -> None:
            self.sent.append(b"closed")

    transport = Recorder()

    class Cable:
        async def connect(self, factory: Callable[[], asyncio.Protocol]) -> object:
            return transport, factory()

    wire: Wire[Any, Any] = Wire(BusSection(name="b", port="x"), Cable(), ModbusCodec(tcp=False))  # type: ignore[arg-type]
    await wire.open()
    pulse = WriteOneRequest(Function.WRITE_SINGLE_COIL, 0x0200, 4)
    with pytest.raises(FrameRefusedError):
        await wire.ask(1, pulse, 0.01)
    assert transport.sent == []


def _scan(folder: Path, config: CabinetConfig, units: range) -> dict[str, list[tuple[int, str]]]:
    """Return line → what was found on it, and see that nothing moved."""
    found: dict[str, list[tuple[int, str]]] = {}

    async def body(_technician: Technician, sim: Sim) -> None:
        ports = tuple(str(port.link) for port in sim.serial)
        buses = [await scan_port(port, Wanted(ports, units=units), _quiet) for port in ports]
        seen = [bus for bus in buses if bus is not None]
        for bus in seen:
            found[Path(bus.port).name] = [(unit.unit, unit.kind) for unit in bus.units]
            assert bus.baud == next(b.baud for b in config.bus if b.name == Path(bus.port).name)
        state = sim.cabinet.state()
        assert state.pulses == ()
        assert not any(door.open for door in state.doors)
        for unit in (one for bus in seen for one in bus.units):
            assert not unit.shared
            if unit.kind in LOCK_BOARDS:
                facts = LOCK_BOARDS[unit.kind]  # type: ignore[index]
                assert (unit.channels, unit.inputs) == (facts.channels, facts.inputs)

    at_cabinet(folder, config, body)
    return found


@pytest.mark.parametrize("kind", sorted(LOCK_BOARDS))
@pytest.mark.timeout(60)
def test_every_kind_of_board_is_told_apart(tmp_path: Path, kind: LockKind) -> None:
    config = lock_cabinet(kind)
    found = _scan(tmp_path, config, range(1, 3))
    assert (1, kind) in found["locks"]


@pytest.mark.timeout(60)
def test_probes_and_boards_of_one_line(tmp_path: Path) -> None:
    found = _scan(tmp_path, small(), range(1, 6))
    assert found == {"bus0": [(1, "waveshare_8ch_d"), (3, "xy_md02"), (4, "xy_md02")]}


class _Device:
    """Answers reads out of tables; what is not in them is refused."""

    def __init__(self, tables: dict[tuple[Function, int], tuple[int, ...]]) -> None:
        self._tables = tables

    async def read(self, function: Function, address: int, count: int) -> tuple[int, ...] | None:
        said = self._tables.get((function, address))
        return said if said is not None and len(said) == count else None


H, I = Function.READ_HOLDING_REGISTERS, Function.READ_INPUT_REGISTERS  # noqa: E741


@pytest.mark.parametrize(
    ("tables", "kind"),
    [
        ({(H, 0): (0x8000,) * 8}, "r4dcb08"),
        ({(H, 256): (0,) * 12}, "dixell_xjp60d"),
        ({(I, 0x46): (0x0000, 0x0000)}, ""),
        ({(H, 0x8000): (200,), (H, 0x4000): (7,)}, ""),
        ({(H, 1): (0, 0, 0, 0, 0, 0, 0, 300)}, ""),
        ({}, ""),
    ],
)
async def test_families_without_a_simulated_board(
    tables: dict[tuple[Function, int], tuple[int, ...]], kind: str
) -> None:
    found = await recognise(7, _Device(tables).read)
    assert (found.unit, found.kind) == (7, kind)
    assert (found.sure == "unknown") is (kind == "" and "Waveshare" not in found.seen)


@pytest.mark.parametrize("kind", profiles.names())
def test_whatever_has_a_profile_is_recognised_by_it(kind: str) -> None:
    rig = Rig(profile_cabinet({"kind": kind, "unit": 9, "zones": ["chilled"] * 8}))

    async def read(function: Function, address: int, count: int) -> tuple[int, ...] | None:
        reply = rig.ask(9, ReadRequest(function, address, count))
        if not isinstance(reply, DataReply):
            return None
        if function in (Function.READ_COILS, Function.READ_DISCRETE_INPUTS):
            return tuple(map(int, bits(reply.data, count)))
        return registers(reply.data)

    found = asyncio.run(recognise(9, read))
    assert found.sure == "likely"
    assert kind == found.kind or kind in found.seen


class _TwoBoards:
    """A line on which two boards have address 2: their answers run over each other, one byte is wrong."""

    def __init__(self, everywhere: bool) -> None:
        self.everywhere = everywhere

    async def connect(self, factory: Callable[[], asyncio.Protocol]) -> object:
        protocol = factory()
        loop, line = asyncio.get_running_loop(), self

        class Transport(asyncio.Transport):
            turns = 0

            def write(self, data: bytes) -> None:  # type: ignore[override]
                Transport.turns += 1
                unit = data[0]
                if unit not in (1, 2):
                    return
                reply = modbus_pdu.DataReply(H, b"\0\1").pdu()
                from firmware_protocols import modbus_rtu

                said = bytearray(modbus_rtu.encode(unit, reply))
                if (unit == 2 or line.everywhere) and Transport.turns % 2:
                    said[3] ^= 0xFF
                loop.call_soon(protocol.data_received, bytes(said))

            def close(self) -> None:
                pass

        return Transport(), protocol


@pytest.mark.parametrize("everywhere", [False, True])
async def test_rubbish_at_one_address_alone_is_two_boards(
    monkeypatch: pytest.MonkeyPatch, everywhere: bool
) -> None:
    monkeypatch.setattr(scanning, "open_line", lambda _section: _TwoBoards(everywhere))
    monkeypatch.setattr(scanning, "CLOSER_S", 0.02)
    look = Wanted(("/dev/ttyX",), bauds=(9600,), units=range(1, 4), look_s=0.02)
    found = await scan_port("/dev/ttyX", look, _quiet)
    assert found is not None
    shared = {unit.unit: unit.shared for unit in found.units}
    assert found.protocol is LineProtocol.MODBUS
    assert shared == {1: False, 2: not everywhere}


@pytest.mark.timeout(60)
def test_scanned_again_a_line_keeps_its_name(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        link = str(sim.serial[0].link)
        for _ in range(2):
            assert await technician.run("scan", "--port", link, "--units", "1-5") == 0
            assert [bus.name for bus in load_record(technician.data).buses] == ["bus0"]
        gone = str(tmp_path / "no")
        words = ("scan", "--port", gone, "--port", link, "--units", "1-5")
        assert await technician.run(*words) == 0
        assert "is not there" in technician.steps("failed")[0]["why"]
        assert await technician.run("scan", "--port", gone, "--units", "1") == 1
        assert len(load_record(technician.data).buses) == 1

    at_cabinet(tmp_path, small(), body)


@pytest.mark.timeout(60)
def test_a_line_that_is_known_stays_when_its_port_fails_or_is_silent(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        link = sim.serial[0].link
        assert await technician.run("scan", "--port", str(link), "--units", "1-5") == 0
        before = load_record(technician.data).buses
        sim.cabinet.lay(AdapterUnplugged(kind="adapter_unplugged", target="bus0"))
        async with asyncio.timeout(5):
            while link.is_symlink():  # noqa: ASYNC110 - it asks, nobody tells
                await asyncio.sleep(0)
        assert await technician.run("scan", "--port", str(link), "--units", "1-5") == 1
        assert technician.steps("kept_line")[0]["bus"] == "bus0"
        assert load_record(technician.data).buses == before
        assert await technician.run("scan", "--port", str(link), "--forget", "bus7") == 2
        assert "there are bus0" in technician.errors
        words = ("--port", str(link), "--forget", "bus0", "--units", "1")
        assert await technician.run("scan", *words) == 1
        assert load_record(technician.data).buses == ()

    at_cabinet(tmp_path, small(), body)


@pytest.mark.timeout(60)
def test_a_scale_that_streams_is_no_line_of_locks(tmp_path: Path) -> None:
    async def body(technician: Technician, sim: Sim) -> None:
        scale = str(tmp_path / "sim" / "scale")
        assert await technician.run("scan", "--port", scale) == 1
        assert "without being asked" in technician.steps("failed")[0]["why"]
        assert load_record(technician.data).buses == ()

    at_cabinet(tmp_path, load(CABINETS / "lvyuan-6.toml", {}), body)


async def test_rubbish_at_many_addresses_is_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    async def rubbish(*_: object) -> tuple[int, None]:
        return 5, None

    monkeypatch.setattr(scanning, "open_line", lambda _section: _TwoBoards(True))
    monkeypatch.setattr(scanning, "_ask_again", rubbish)
    monkeypatch.setattr(scanning, "_who_answers", rubbish_everywhere)
    look = Wanted(("/dev/ttyX",), bauds=(9600,), units=range(1, 4), look_s=0.02)
    with pytest.raises(ConflictError, match="without being asked"):
        await scan_port("/dev/ttyX", look, _quiet)


async def rubbish_everywhere(*_: object) -> list[int]:
    return [1, 2, 3]


def _quiet(*_: object) -> None:
    """Show no progress."""


@pytest.mark.parametrize("text", ["", "a-b", "9-3", "-4", "1-999"])
def test_addresses_that_cannot_be(text: str) -> None:
    with pytest.raises(InvalidError):
        wanted(["/dev/ttyUSB0"], [], text, 0.08)


def test_a_relative_port_is_kept_whole() -> None:
    assert wanted(["tcp://host:502", "sim/bus0"], [], "1-40", 0.08).ports == (
        "tcp://host:502",
        str(Path.cwd() / "sim/bus0"),
    )
    assert wanted(["x"], [], "1-40", 0.08).units == range(1, 41)


def test_a_port_is_scanned_once_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to("/dev/null")
    ports = [str(tmp_path / "by-id"), "/dev/null", "tcp://h:1", "tcp://h:1"]
    assert wanted(ports, [], None, 0.08).ports == (str(tmp_path / "by-id"), "tcp://h:1")


@pytest.mark.parametrize("port", ["", "http://10.0.0.1"])
def test_what_is_no_port(port: str) -> None:
    with pytest.raises(InvalidError, match="is no port"):
        wanted([port], [], None, 0.08)
