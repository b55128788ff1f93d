"""`linli drill unplug`: the adapter of a real serial port is pulled again and again, and has another number afterwards.

The daemon's own hardware on a pseudo-terminal of the simulator, in real time; the cabinet's record of pulses judges.
"""

import asyncio
import json
import logging
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from common.kit.chance import seeded_chance
from common.kit.clock import SystemClock
from common.kit.work import ThreadWork
from device_sim.cabinet import Cabinet
from device_sim.config import load
from device_sim.faults import AdapterUnplugged
from device_sim.pty_port import PtyPort
from edge.hardware.build import Hardware, build_hardware
from edge.hardware.line import open_line
from edge.hardware.ports import PulseResult
from linli.drill.busnoise.stand import station_of

CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"
WITHIN_S = 5.0
ABLATIONS = ("lasting-name",)
_GIVE_UP_S = 8.0


@dataclass(slots=True)
class Tally:
    """What the drill found."""

    runs: int = 0
    cycles: int = 0
    pulses: int = 0
    results: dict[str, int] = field(default_factory=dict)
    back_s: list[float] = field(default_factory=list)
    fds: tuple[int, int] = (0, 0)
    violations: list[tuple[int, str]] = field(default_factory=list)

    def figures(self) -> dict[str, object]:
        """Return the figures in the order in which people read them."""
        back = sorted(self.back_s) or [0.0]
        return {
            "cycles": self.cycles, "pulses": self.pulses, **dict(sorted(self.results.items())),
            "back_median_s": round(back[len(back) // 2], 3), "back_max_s": round(back[-1], 3),
            "fds_before": self.fds[0], "fds_after": self.fds[1],
        }  # fmt: skip

    def as_json(self) -> str:
        """Return the one line of `--json` (DESIGN section 8)."""
        return json.dumps({
            "name": "unplug", "runs": self.runs, "violations": len(self.violations),
            "figures": self.figures(),
        })  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnplugDrill:
    """One call of the command."""

    seeds: Sequence[int]
    cycles: int
    say: Callable[[str], None]
    ablation: str | None = None

    def run(self) -> Tally:
        """Pull and plug with every seed."""
        logging.disable(
            logging.CRITICAL
        )  # a port that goes away is an error to whoever has it open
        tally, work = Tally(), ThreadWork()
        try:
            for seed in self.seeds:
                with tempfile.TemporaryDirectory(prefix="linli-unplug-") as folder:
                    case = _Case(seed, self.cycles, Path(folder), work, tally, self.ablation)
                    found = asyncio.run(case.run())
                tally.runs += 1
                tally.violations += [(seed, sentence) for sentence in found]
                self.say(f"{f'{len(found)} violations' if found else 'ok':<13} seed {seed}")
                for sentence in found:
                    self.say(f"  {sentence}")
                if found:
                    self.say(f"  replay: {self.replay(seed)}")
        finally:
            work.close()
            logging.disable(logging.NOTSET)
        return tally

    def replay(self, seed: int, seeds: int = 1) -> str:
        """Return the command that does it again."""
        off = f" --ablate {self.ablation}" if self.ablation else ""
        return f"linli drill unplug --seed {seed} --seeds {seeds} --cycles {self.cycles}{off}"


class _Case:
    """One seed."""

    def __init__(
        self, seed: int, cycles: int, folder: Path, work: ThreadWork, tally: Tally,
        ablation: str | None,
    ) -> None:  # fmt: skip
        self._draw: random.Random = seeded_chance(f"{seed}|unplug").jitter
        self._cycles, self._folder, self._work, self._tally = cycles, folder, work, tally
        self._clock, self._ablation = SystemClock(), ablation
        config = load(CABINET, os.environ)
        self._cabinet = Cabinet(config, self._clock, self._draw)
        bus = self._cabinet.bus()
        self._port = PtyPort(self._cabinet, bus, folder / bus.name, self._clock, work)
        self._wires = {door.wire: door.label for door in config.door}
        self._numbered: Path | None = None
        self._found: list[str] = []

    async def run(self) -> list[str]:
        """Pull and plug; return what was violated."""
        port = asyncio.create_task(self._port.run())
        await self._port.is_open.wait()
        hardware = self._hardware()
        wires = asyncio.create_task(hardware.run())
        await self._reads(hardware)
        before = _descriptors()
        for _ in range(self._cycles):
            if not await self._cycle(hardware):
                break
        self._tally.fds = (before, after := _descriptors())
        if after > before:
            self._found.append(f"{before} descriptors were open before, {after} are")
        for task in (wires, port):
            task.cancel()
        await asyncio.gather(wires, port, return_exceptions=True)
        return self._found

    def _hardware(self) -> Hardware:
        folder = self._folder
        station = station_of(self._cabinet.config, folder)
        if self._ablation == "lasting-name":  # as somebody does who configures /dev/ttyUSB0
            # a link of ours: the terminal's own number may be another program's a moment later
            self._numbered = folder / "ttyUSB0"
            self._numbered.symlink_to(self._port.link.resolve())
            numbered = station.bus[0].model_copy(update={"port": str(self._numbered)})
            station = station.model_copy(update={"bus": (numbered, *station.bus[1:])})
        return build_hardware(station, lambda section: open_line(section, self._work))

    async def _cycle(self, hardware: Hardware) -> bool:
        """Ask for a door, pull the plug around it, put it back; tell whether the line came back."""
        began = len(self._cabinet.witness.pulses)
        label = self._draw.choice(tuple(self._wires.values()))
        pulse = asyncio.create_task(hardware.door_bus.pulse(label))
        # before the frame, on it, during its answer, or long after
        await asyncio.sleep(self._draw.choice((0.0, 0.002, 0.006, 0.012, 0.02, 0.1)))
        number = self._port.link.resolve()
        if self._numbered is not None:
            self._numbered.unlink(missing_ok=True)  # a number goes with its adapter
        self._cabinet.lay(fault := AdapterUnplugged(kind="adapter_unplugged", target="bus0"))
        await asyncio.sleep(self._draw.uniform(0.05, 1.2))
        self._cabinet.lift(fault)
        await self._port.is_open.wait()
        if self._port.link.resolve() == number:
            self._found.append("the adapter came back under its old number: nothing was tried")
        back_s = await self._back(hardware)
        result = await pulse
        self._count(label, result, began)
        for door in self._wires.values():
            self._cabinet.push(door)
        self._tally.cycles += 1
        if back_s is not None:
            self._tally.back_s.append(back_s)
        return back_s is not None

    async def _back(self, hardware: Hardware) -> float | None:
        """Return how long after the plug was in the doors could be read; None: not for long."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GIVE_UP_S):
                await self._reads(hardware)
            took_s = loop.time() - began_s
            if took_s > WITHIN_S:
                self._found.append(f"the line was back after {took_s:.1f} s")
            return took_s
        self._found.append(f"the line was not back within {_GIVE_UP_S:.0f} s")
        return None

    async def _reads(self, hardware: Hardware) -> None:
        while None in (await hardware.door_bus.read_doors()).values():  # noqa: ASYNC110 - it asks, nobody tells
            await asyncio.sleep(0.02)

    def _count(self, label: str, result: PulseResult, began: int) -> None:
        pulses = self._cabinet.witness.pulses[began:]
        doors = [self._wires[one.board, one.channel] for one in pulses]
        self._tally.pulses += len(doors)
        self._tally.results[result.value] = self._tally.results.get(result.value, 0) + 1
        if doors not in ([], [label]):
            self._found.append(f"{label} was asked for, {doors} were pulsed ({result.value})")
        elif result is PulseResult.NOT_SENT and doors:
            self._found.append(f"{label} was pulsed and reported as not sent")
        elif result is PulseResult.ACKED and not doors:
            self._found.append(f"{label} was reported as pulsed and was not")


def _descriptors() -> int:
    """Return how many files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a number, not paths
