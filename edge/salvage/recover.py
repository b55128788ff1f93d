"""Before `state.db` is opened: is it what was written? If not, a new one is made of what proves itself.

The new file stands complete under its own name before the old one is touched, so power may fail anywhere in between.
"""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from common.contract.damage import StorageDamaged
from common.kit.clock import Clock, to_ms
from common.kit.durable import into_place, sync_file, write_whole
from common.kit.failpoints import fp
from common.kit.pagesums import Finding, PageSums
from common.kit.soundness import is_sound, set_aside
from edge.config import StationConfig
from edge.salvage.copies import Copies, made_at_ms
from edge.salvage.rebuild import Rebuilt, rebuild
from edge.salvage.stock import add_chained, take_stock

REPORT_FILE, SUSPECT_FILE = "damage.json", "state.db.suspect"
_NOTHING = Rebuilt((), (), 0, ())
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery works with."""

    path: Path
    sums: PageSums
    copies: Copies
    config: StationConfig
    clock: Clock
    make_tables_tx: Callable[[sqlite3.Connection], object]

    def run(self) -> StorageDamaged | None:
        """Leave a sound file (or none, where there was none) with its sums at `path`; return what had to be done."""
        began_s = self.clock.monotonic_s()
        ready = self.path.with_name(f"{self.path.name}.rebuilt")
        if ready.exists():  # power failed between the two renames
            self._into_place(ready)
        suspect = self.path.with_name(SUSPECT_FILE)
        finding = self.sums.examine()
        if finding is not None and finding.sound and not suspect.exists():
            return self._report(finding, "tail", _NOTHING, began_s) if finding.log.torn else None
        thorough = (
            suspect.exists()
        )  # SQLite has refused to read it: its indexes are looked at as well
        if (finding is None or finding.sound) and is_sound(
            self.path, self.clock, thorough=thorough
        ):
            if self.path.exists():
                self.sums.renew()
            suspect.unlink(missing_ok=True)
            return None
        report = self._rebuild(finding, ready, began_s)
        suspect.unlink(missing_ok=True)
        return report

    def _rebuild(self, finding: Finding | None, ready: Path, began_s: float) -> StorageDamaged:
        _log.error("%s is damaged: a new one is made of what proves itself", self.path.name)
        part = ready.with_suffix(".part")
        if finding is not None and not finding.sound:
            finding = self.sums.restore(finding, part)
        if finding is not None and not finding.sound and not finding.bad:
            report = self._report(finding, "exact", _NOTHING, began_s)
        else:
            copy = next(iter(self.copies.sound()), None)
            # A log whose pages nobody knows leaves no page proven, but an event still proves itself.
            is_proven = finding is not None and not finding.sound and not finding.log.lost
            stock = take_stock(part if is_proven else None, copy)
            if not is_proven:
                add_chained(stock, self.path, self.config.station.id)
            wall_ms = to_ms(self.clock.wall())
            copy_ms = made_at_ms(copy) if copy else None
            made = rebuild(part, stock, self.config, self.make_tables_tx, wall_ms, copy_ms)
            report = self._report(finding, "rebuilt", made, began_s, copy)
        sync_file(part)
        fp("salvage.rebuilt")
        into_place(part, ready)
        fp("salvage.ready")
        self._into_place(ready)
        return report

    def _into_place(self, ready: Path) -> None:
        self.sums.forget()
        _log.error("the damaged file is kept as %s", set_aside(self.path).name)
        fp("salvage.set_aside")
        into_place(ready, self.path)
        fp("salvage.in_place")
        self.sums.renew()

    def _report(
        self,
        finding: Finding | None,
        outcome: str,
        made: Rebuilt,
        began_s: float,
        copy: Path | None = None,
    ) -> StorageDamaged:
        """Write down what will be told to the hub: nothing of it may be forgotten by a second power cut."""
        age_s = None
        if copy is not None:
            age_s = max(0, to_ms(self.clock.wall()) - made_at_ms(copy)) // 1000
        report = StorageDamaged.model_validate(
            {
                "outcome": outcome,
                "pages": len(finding.bad) if finding else 0,
                "tables": made.tables,
                "lost": made.lost,
                "grants_held": made.grants_held,
                "doors_unknown": made.doors_unknown,
                "copy_age_s": age_s,
                "took_ms": round((self.clock.monotonic_s() - began_s) * 1000),
            }
        )
        write_whole(self.path.with_name(REPORT_FILE), report.model_dump_json().encode())
        return report


def untold(data: Path) -> StorageDamaged | None:
    """Return the report that the hub has not been told yet."""
    try:
        return StorageDamaged.model_validate_json((data / REPORT_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def told(data: Path) -> None:
    """Forget the report: it is an event now."""
    (data / REPORT_FILE).unlink(missing_ok=True)


def suspect(data: Path) -> None:
    """Let the next start look at the file with SQLite's own eyes as well: it has refused to read it."""
    (data / SUSPECT_FILE).touch()
