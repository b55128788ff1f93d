"""What a seed decides: after which operation power goes, and what of the unsynced the disk has kept."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from linli.drill.powercut.disk import Change, Enter, Platter, Remove, Truncate, Write

_TORN = 1 / 16  # share of kept sectors that hold only their first bytes
_LONGER = 0.25  # share of images whose files already have the length they were growing to
_OLD_INDEX, _INDEX_BYTES = 0.1, 32_768  # share of images with a useless index (-shm) beside the WAL
_IN_FLIGHT = 0.5  # share of cuts in the middle of an operation


class Mode(StrEnum):
    """What the disk kept of what was not synced."""

    NOTHING = "nothing"
    ALL = "all"
    PREFIX = "prefix"
    SECTORS_512 = "sectors-512"
    SECTORS_4096 = "sectors-4096"


@dataclass(frozen=True, slots=True)
class Cut:
    """One seed's cut: after `at` operations; `rng` goes on to draw the image."""

    seed: int
    at: int
    mode: Mode
    rng: Random


def draw(seed: int, operations: int, rng: Random) -> Cut:
    """Draw place and mode; every operation is as likely as every other."""
    at = rng.randint(0, operations)
    return Cut(seed, at, rng.choice(tuple(Mode)), rng)


def kept(cut: Cut, platter: Platter) -> list[Change]:
    """Draw what the disk has kept of all that was not synced; `platter` stands at the cut."""
    loose, rng = list(platter.pending), cut.rng
    flying = platter.in_flight()
    if flying is not None and rng.random() < _IN_FLIGHT:
        loose.append(flying)
    match cut.mode:
        case Mode.NOTHING:
            return []
        case Mode.ALL:
            return loose
        case Mode.PREFIX:
            return _prefix(loose, rng)
        case Mode.SECTORS_512:
            return _some_sectors(loose, rng, 512)
        case Mode.SECTORS_4096:
            return _some_sectors(loose, rng, 4096)


def old_index(cut: Cut) -> bytes | None:
    """Draw what lies in the file of the WAL's index (-shm), which nobody ever syncs; mostly there is none."""
    return cut.rng.randbytes(_INDEX_BYTES) if cut.rng.random() < _OLD_INDEX else None


def _prefix(loose: list[Change], rng: Random) -> list[Change]:
    """Keep the oldest changes; of the last one only its first bytes."""
    held = loose[: rng.randint(0, len(loose))]
    if held and isinstance(last := held[-1], Write):
        held[-1] = _torn(last, rng)
    return held


def _some_sectors(loose: list[Change], rng: Random, sector: int) -> list[Change]:
    """Keep any sectors in any combination, some torn; any names; lengths that ran ahead of their bytes."""
    share = rng.choice((0.1, 0.5, 0.9))
    held: list[Change] = []
    longer = rng.random() < _LONGER
    for op in loose:
        if isinstance(op, Enter | Remove | Truncate):
            if rng.random() < share:
                held.append(op)
            continue
        if longer:
            held.append(Write(op.inode, op.at + len(op.data), b""))
        held += [
            _torn(piece, rng) if rng.random() < _TORN else piece
            for piece in _pieces(op, sector)
            if rng.random() < share
        ]
    return held


def _pieces(op: Write, sector: int) -> list[Write]:
    """Split a write where sectors of the file begin."""
    end = op.at + len(op.data)
    starts = [op.at, *range(op.at // sector * sector + sector, end, sector)]
    return [
        Write(op.inode, start, op.data[start - op.at : stop - op.at])
        for start, stop in zip(starts, [*starts[1:], end], strict=True)
    ]


def _torn(op: Write, rng: Random) -> Write:
    return Write(op.inode, op.at, op.data[: rng.randint(0, len(op.data))])
