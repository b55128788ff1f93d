"""`linli drill ablations`: every safeguard of these drills switched off in turn; which seed notices, as a table.

The table may be kept in a file: what stands there was measured and is not measured again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from linli.drill.clock import ClockDrill
from linli.drill.clock_ablation import CLOCK_ABLATIONS
from linli.drill.pickups import Pickups
from linli.drill.sync import SyncDrill
from linli.world.ablation import ABLATIONS, LEVELS
from linli.world.copies.campaign import CLONES, RESTORES, Campaign
from linli.world.level2.ablation import SYNC_ABLATIONS
from linli.world.scenario import Level

Say = Callable[[str], None]
HEAD = (
    "| safeguard off | drill | noticed at seed | after seeds | what was said first |",
    "|---|---|---|---|---|",
)
_SAID_MOST = 110


@dataclass(frozen=True, slots=True)
class Switch:
    """One safeguard of one drill."""

    drill: str
    name: str
    options: str = ""
    """How the drill is called to look for it."""

    @property
    def cells(self) -> str:
        """Return the first cells of its row, which name it."""
        return f"| `{self.name}` | {' '.join((self.drill, *self.options.split()))} |"


@dataclass(frozen=True, slots=True)
class Noticed:
    """What came of it; `seed` None: nothing noticed."""

    seed: int | None
    after: int
    said: str


def switches(days: int) -> Iterator[Switch]:
    """Return every switch, in the order of the table; `days` is how long a seed of drill pickups lasts."""
    for name in ABLATIONS:
        level = _level(name)
        where = f" --level {level}" if level is not Level.MODEL else ""
        yield Switch("pickups", name, f"--days {days}{where}")
    yield from (Switch("sync", name) for name in SYNC_ABLATIONS)
    yield from (Switch("clock", name) for name in CLOCK_ABLATIONS)
    for kind in (CLONES, RESTORES):
        yield from (Switch(kind.name, name) for name in kind.ablations)


def measure(switch: Switch, seeds: range, days: int, jobs: int) -> Noticed:
    """Live seeds until one notices that the safeguard is off."""
    heard: list[str] = []
    if switch.drill == "pickups":
        level = _level(switch.name)
        tally = Pickups(seeds, days, jobs, switch.name, heard.append, level=level).run()
        return _noticed(tally.bad_seeds, tally.runs, heard)
    if switch.drill == "sync":
        told = SyncDrill(seeds, 1, switch.name, False, heard.append).run()
        return _noticed(told.bad_seeds, told.runs, heard)
    if switch.drill == "clock":
        seen = ClockDrill(seeds, heard.append, switch.name).run()
        return _noticed([seed for seed, _ in seen.violations], seen.runs, heard)
    kind = next(one for one in (CLONES, RESTORES) if one.name == switch.drill)
    found = Campaign(kind, seeds, heard.append, switch.name).run()
    return _noticed(found.bad_seeds, found.runs, heard)


def table(
    wanted: Iterable[Switch], seeds: range, days: int, jobs: int, into: Path | None, say: Say
) -> int:
    """Measure what the file does not hold yet, row by row; return how many went unnoticed."""
    known = into.read_text(encoding="utf-8").splitlines() if into and into.exists() else []
    unseen = 0
    if HEAD[0] not in known:
        _write(HEAD, into, say)
    for switch in wanted:
        if any(line.startswith(switch.cells) for line in known):
            continue
        found = measure(switch, seeds, days, jobs)
        unseen += found.seed is None
        _write((row(switch, found),), into, say)
    return unseen


def row(switch: Switch, found: Noticed) -> str:
    """Return the row of the table."""
    if found.seed is None:
        return f"{switch.cells} **none** | {found.after} | |"
    said = found.said.replace("|", "/")[:_SAID_MOST]
    return f"{switch.cells} {found.seed} | {found.after} | {said} |"


def _level(name: str) -> Level:
    """Return with which hub a safeguard of drill pickups is looked for."""
    return LEVELS.get(name, Level.MODEL)


def _noticed(bad_seeds: list[int], runs: int, heard: list[str]) -> Noticed:
    if not bad_seeds:
        return Noticed(None, runs, "")
    return Noticed(
        bad_seeds[0], runs, next(line.strip() for line in heard if line.startswith("  "))
    )


def _write(lines: tuple[str, ...], into: Path | None, say: Say) -> None:
    for line in lines:
        say(line)
    if into is not None:
        with into.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
