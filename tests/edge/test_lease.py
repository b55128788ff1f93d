"""The daemon's side of a lease over its real socket, with the client that `linli provision` uses and real ports."""

import asyncio
import os
import random
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from common.contract.words import ActorKind, DoorState, Purpose
from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.errors import ConflictError, InvalidError, UnavailableError
from common.kit.said import Said
from common.kit.sqlite import SqliteDb
from common.kit.work import ThreadWork
from common.ui.i18n import Catalogue, Lang
from device_sim.cabinet import Cabinet
from device_sim.pty_port import PtyPort
from edge.climate import STATE_DDL, TELEMETRY_DDL, CalibrationDesk, Climate
from edge.data_folder import lock
from edge.doors import DDL, Doors, DoorWish
from edge.hardware.build import build_hardware
from edge.hardware.calibration import ProbeAsked
from edge.hardware.lease import LeaseAsked, LeaseSaid, listen, reachable
from edge.hardware.lending import LENT
from edge.hardware.line import open_line
from edge.hardware.peripherals import Peripherals
from edge.instruments import CalibrationSection
from edge.lease import LeasePorts, LeaseServer
from edge.peripherals import ScaleSection
from edge.sync import DDL as SYNC_DDL
from edge.sync import Outbox
from provisioning.lease import Leases, daemon_runs
from tests.device_sim.cabinets import config as cabinet_config
from tests.edge.cable import STATION_ID
from tests.edge.hardware.lock_bench import running, station_of

pytestmark = pytest.mark.timeout(30)
ASKED = ProbeAsked(do="write", reference_c=0.0, instrument="ice water", by="张敏")


class Daemon:
    """Doors on a real serial port and the socket beside them."""

    def __init__(self, folder: Path, calibration: CalibrationSection) -> None:
        self.folder, self.clock, self.work = folder, SystemClock(), ThreadWork()
        self.cabinet = Cabinet(cabinet_config(), self.clock, random.Random(1))
        self.pty = PtyPort(self.cabinet, self.cabinet.bus(), folder / "bus0", self.clock, self.work)
        made = station_of(cabinet_config(), folder)
        ours, self.scale_port = os.openpty()
        self.scale_side = os.fdopen(ours, "wb", buffering=0)
        scale = ScaleSection(port=os.ttyname(self.scale_port), capacity_g=30_000, division_g=10)
        self.config = made.model_copy(update={"calibration": calibration, "scale": scale})
        self.db = SqliteDb(folder / "state.db", inline=True)
        self.db.write_now(_schema)
        chance = seeded_chance("lease")
        self.outbox = Outbox(self.db, self.clock, chance, STATION_ID)
        self.hardware = build_hardware(self.config, open_line)
        self.doors = Doors(
            self.db, self.hardware.door_bus, self.outbox, self.config.doors, self.clock, chance
        )
        self.telemetry_db = SqliteDb(folder / "telemetry.db", inline=True)
        self.telemetry_db.write_now(lambda c: [c.execute(sql) for sql in TELEMETRY_DDL])
        self.climate = Climate(
            self.db, self.telemetry_db, self.outbox, self.hardware, self.config, self.clock
        )
        calibrating = CalibrationDesk(
            self.climate.probes(), self.climate.calibrations, self.config, self.db, self.outbox,
            self.clock, chance,
        )  # fmt: skip
        self.peripherals = Peripherals(self.config, open_line)
        self.at_the_screen = False
        self.server = LeaseServer(
            LeasePorts(
                self.config,
                self.doors,
                self.hardware,
                self.peripherals,
                self.peripherals.ports,
                lambda: self.at_the_screen,
                self.work,
                calibrating,
            ),
            folder,
        )

    async def ask(self, label: str) -> None:
        wish = DoorWish(label, ActorKind.RESIDENT, "", Purpose.PICKUP, "code", None)
        await self.db.write(lambda conn: self.doors.request_tx(conn, wish))
        self.doors.kick()

    async def until(self, label: str, state: DoorState) -> None:
        async with asyncio.timeout(10):
            version = -1
            while self.doors.view()[label].state is not state:
                version = await self.doors.watch.wait(version)

    async def until_scale(self, is_so: Callable[[str], bool]) -> None:
        async with asyncio.timeout(10):
            while not is_so(self.peripherals.states[0].detail):
                self.peripherals.changed.clear()
                await self.peripherals.changed.wait()

    async def until_up(self, *, up: bool) -> None:
        news = asyncio.Event()
        self.hardware.on_bus_change(lambda *_: news.set())
        async with asyncio.timeout(10):
            while self.hardware.bus_state["bus0"].up is not up:
                await news.wait()
                news.clear()


def _schema(conn: sqlite3.Connection) -> None:
    for statement in (*SYNC_DDL, *DDL, *STATE_DDL):
        conn.execute(statement)


def with_daemon(
    folder: Path,
    body: Callable[[Daemon], Awaitable[None]],
    calibration: CalibrationSection = CalibrationSection(),  # noqa: B008 - frozen
) -> None:
    folder = folder / ("a" * 60) / ("b" * 60)  # longer than an address of a socket may be
    folder.mkdir(parents=True)

    async def main() -> None:
        daemon = Daemon(folder, calibration)
        try:
            with lock(folder):
                await daemon.outbox.boot()
                async with running(daemon.pty.run()):
                    await daemon.pty.is_open.wait()
                    async with running(daemon.hardware.run(), daemon.peripherals.run()):
                        await daemon.doors.start()
                        async with running(daemon.doors.run(), daemon.server.run()):
                            await daemon.server.ready.wait()
                            await body(daemon)
        finally:
            daemon.scale_side.close()
            os.close(daemon.scale_port)
            daemon.work.close()
            daemon.db.close()
            daemon.telemetry_db.close()

    asyncio.run(main())


def test_a_lease_closes_the_port_and_gives_it_back(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        leases = Leases(daemon.folder)
        said = await leases.take(str((daemon.folder / "bus0").resolve()))
        assert said is not None
        assert said.bus == "bus0"
        assert len(said.coils) == 16
        assert not daemon.hardware.bus_state["bus0"].up
        with pytest.raises(ConflictError) as refused:
            await daemon.ask("A01")
        assert refused.value.key == "doors.in_maintenance"
        other = Leases(daemon.folder)
        with pytest.raises(ConflictError) as twice:
            await other.take("bus0")
        assert twice.value.key == "lease.held"
        await other.close()
        await leases.give_back(next(iter(leases.held)), rest_s=0)
        await daemon.until_up(up=True)
        await daemon.ask("A01")
        await daemon.until("A01", DoorState.OPEN)
        await leases.close()

    with_daemon(tmp_path, body)


def test_a_device_is_lent_by_its_name_or_its_port_and_no_door_with_it(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        await daemon.until_scale(lambda said: said != "not tried yet")
        port = daemon.config.scale.port if daemon.config.scale else ""
        leases, other = Leases(daemon.folder), Leases(daemon.folder)
        assert await leases.take_device("scale")
        await daemon.until_scale(lambda said: said == LENT)
        with pytest.raises(ConflictError) as twice:
            await other.take(port)
        assert twice.value.key == "lease.held"
        assert not await other.take_device("printer"), "there is none"
        await daemon.ask("A01")
        await daemon.until("A01", DoorState.OPEN)
        await leases.give_back_device("scale")
        await daemon.until_scale(lambda said: said != LENT)
        daemon.at_the_screen = True
        with pytest.raises(ConflictError) as screen:
            await other.take_device("scale")
        assert screen.value.key == "lease.busy"
        daemon.at_the_screen = False
        lent = await other.take(port)
        assert lent is not None
        assert lent.bus == "device:scale"
        await daemon.until_scale(lambda said: said == LENT)
        await other.close()  # gone without a word
        await daemon.until_scale(lambda said: said != LENT)
        await leases.close()

    with_daemon(tmp_path, body)


def test_a_door_in_use_or_somebody_at_the_screen_keeps_the_bus(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        leases = Leases(daemon.folder)
        daemon.at_the_screen = True
        with pytest.raises(ConflictError) as screen:
            await leases.take("bus0")
        daemon.at_the_screen = False
        await daemon.ask("A02")
        with pytest.raises(ConflictError) as door:
            await leases.take("bus0")
        assert [error.value.key for error in (screen, door)] == ["lease.busy", "lease.busy"]
        assert "A02" in door.value.detail
        await daemon.until("A02", DoorState.OPEN)
        assert daemon.hardware.bus_state["bus0"].up
        await leases.close()

    with_daemon(tmp_path, body)


def test_a_holder_that_dies_gives_the_bus_back_and_its_coils_rest(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        leases = Leases(daemon.folder)
        await leases.take("bus0")
        await leases.close()  # what the system does for a process that is killed
        await daemon.until_up(up=True)
        with pytest.raises(ConflictError):
            await daemon.ask("A01")
        again = Leases(daemon.folder)
        assert await again.take("bus0") is not None
        await again.give_back("bus0", rest_s=0)
        await daemon.until_up(up=True)
        await daemon.ask("A01")
        await daemon.until("A01", DoorState.OPEN)
        await again.close()

    with_daemon(tmp_path, body)


def test_what_is_no_question_is_answered_so_and_a_foreign_port_is_not_lent(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        with reachable(daemon.folder) as address:
            reader, writer = await asyncio.open_unix_connection(address)
        keys = []
        for line in (b"hello\n", b'{"lend":"nowhere"}\n', b'{"lend":"/dev/null"}\n'):
            writer.write(line)
            keys.append(LeaseSaid.model_validate_json(await reader.readline()).key)
        assert keys == ["lease.malformed", "lease.unknown", "lease.unknown"]
        writer.write(LeaseAsked(give_back="bus0").line())  # not its own: nothing happens
        await reader.readline()
        assert daemon.hardware.bus_state["bus0"].up
        writer.write(b"x" * 200_000)  # a line without an end
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        leases = Leases(daemon.folder)
        assert await leases.take("/dev/null") is None
        await leases.close()

    with_daemon(tmp_path, body)


def test_a_probe_is_asked_about_beside_doors_that_work(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        leases = Leases(daemon.folder)
        there = (await leases.about_probe(ProbeAsked(do="list"))).probes
        assert {(one.zone, one.kind, one.record) for one in there} == {
            ("chilled", "xy_md02", None), ("ambient", "xy_md02", None),
        }  # fmt: skip
        probe = there[0].probe
        said = await leases.about_probe(ProbeAsked(do="read", probe=probe))
        assert said.raw_c == pytest.approx(4.0, abs=2)
        assert not said.steady
        with pytest.raises(ConflictError) as early:
            await leases.about_probe(ASKED.model_copy(update={"probe": probe}))
        assert early.value.key == "calibration.unsteady"
        with pytest.raises(InvalidError) as wrong:
            await leases.about_probe(ProbeAsked(do="read", probe="bus7/7"))
        assert wrong.value.key == "calibration.no_probe"
        await daemon.ask("A01")
        await daemon.until("A01", DoorState.OPEN)
        assert daemon.climate.calibrations.is_out(probe)
        await leases.close()
        another = Leases(daemon.folder)
        async with asyncio.timeout(10):
            while daemon.climate.calibrations.is_out(probe):
                await another.about_probe(ProbeAsked(do="list"))  # a turn of the loop
        await another.close()

    with_daemon(tmp_path, body)


def test_what_the_daemon_refuses_is_read_in_the_technicians_language(tmp_path: Path) -> None:
    async def body(daemon: Daemon) -> None:
        leases = Leases(daemon.folder)
        with pytest.raises(InvalidError) as refused:
            await leases.about_probe(ProbeAsked(do="withdraw", probe="bus9/1"))
        english, said = refused.value.detail, Catalogue().texts(Lang.ZH).say(refused.value.detail)
        assert english.startswith("there is no probe 'bus9/1'; there are ")
        assert said.startswith("没有探头 'bus9/1'；有：")
        (state, *_) = (await leases.about_probe(ProbeAsked(do="list"))).probes
        with pytest.raises(InvalidError) as refused:
            await leases.about_probe(ProbeAsked(do="withdraw", probe=state.probe, reason="x"))
        assert "没有可撤销的修正值" in Catalogue().texts(Lang.ZH).say(refused.value.detail)
        await leases.close()

    with_daemon(tmp_path, body)


def test_a_sentence_goes_over_the_socket_by_its_parts() -> None:
    inner = Said("unit %(unit)s: %(said)s", unit=7, said="open")
    whole = Said("bus %(bus)s: %(said)s", bus="bus0", said=inner)
    read = LeaseSaid.model_validate_json(LeaseSaid.refusing("lease.busy", whole).line())
    assert read.why == whole
    assert Catalogue().texts(Lang.ZH).say(read.why) == "总线 bus0：7 号：开着"
    older = LeaseSaid.model_validate_json(LeaseSaid(key="lease.busy", detail="50 % busy").line())
    assert older.why == "50 % busy"
    assert LeaseSaid.refusing("lease.busy", "somebody is at the screen").sentence is None


def test_probes_need_a_daemon_and_one_that_knows_of_them(tmp_path: Path) -> None:
    """A daemon of an older release takes the question for one about a bus without a name."""

    async def older(folder: Path) -> str:
        def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async def talk() -> None:
                await reader.readline()
                writer.write(LeaseSaid(key="lease.unknown", detail="no bus ''").line())
                await reader.read()
                writer.close()

            talks.append(asyncio.ensure_future(talk()))

        talks: list[asyncio.Future[None]] = []
        server = await asyncio.start_unix_server(met, sock=listen(folder))
        leases = Leases(folder)
        with pytest.raises(UnavailableError) as refused:
            await leases.about_probe(ProbeAsked(do="list"))
        await leases.close()
        await asyncio.gather(*talks)
        server.close()
        return refused.value.key

    with pytest.raises(UnavailableError, match="systemctl start linli-edge") as none:
        asyncio.run(Leases(tmp_path).about_probe(ProbeAsked(do="list")))
    assert none.value.key == "calibration.no_daemon"
    with lock(tmp_path):
        assert asyncio.run(older(tmp_path)) == "calibration.old_daemon"


def test_without_a_daemon_nobody_is_asked_and_one_without_a_socket_is_named(
    tmp_path: Path,
) -> None:
    assert not daemon_runs(tmp_path)
    assert asyncio.run(Leases(tmp_path).take("/dev/ttyUSB0")) is None
    with lock(tmp_path):
        assert daemon_runs(tmp_path)
        with pytest.raises(UnavailableError) as refused:
            asyncio.run(Leases(tmp_path).take("/dev/ttyUSB0"))
        assert refused.value.key == "lease.unreachable"
    assert not daemon_runs(tmp_path)
