"""What somebody names must stand in the record; when it does not, what stands there is said."""

from collections.abc import Iterable

from common.kit.errors import InvalidError
from common.kit.said import Said, listed
from provisioning.record import FoundBus, FoundUnit, Record


def check_doors(record: Record, labels: Iterable[str]) -> None:
    """Raise InvalidError `provision.no_door` for a door that was not learnt."""
    known = [door.label for door in record.doors]
    if unknown := sorted(set(labels) - set(known)):
        text = "%(doors)s: not learnt yet; known are %(known)s"
        there = listed(known) or Said("no doors")
        raise InvalidError("provision.no_door", Said(text, doors=listed(unknown), known=there))


def check_lines(record: Record, names: Iterable[str]) -> None:
    """Raise InvalidError `provision.no_line` for a line that was not found."""
    known = [bus.name for bus in record.buses]
    if unknown := sorted(set(names) - set(known)):
        text = "%(lines)s: not in the record; there are %(known)s"
        there = listed(known) or Said("no lines")
        raise InvalidError("provision.no_line", Said(text, lines=listed(unknown), known=there))


def board_of(record: Record, board: str) -> tuple[FoundBus, FoundUnit]:
    """Return line and device of a name as `scan` prints it; InvalidError `provision.no_line` or `provision.board`."""
    name, slash, unit = board.rpartition("/")
    if slash:
        check_lines(record, [name])
    bus = record.bus(name)
    found = next((one for one in bus.units if str(one.unit) == unit), None) if bus else None
    if bus is None or found is None:
        known = [f"{one.name}/{unit.unit}" for one in record.buses for unit in one.units]
        there = listed(known) or Said("none: linli provision scan")
        text = "%(board)s is no board of the record; there are %(known)s"
        raise InvalidError("provision.board", Said(text, board=repr(board), known=there))
    return bus, found
