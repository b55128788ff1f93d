"""A scan takes over what it finds; what was learnt on a line never hangs on another one afterwards."""

from typing import Any

import pytest

from common.kit.errors import InvalidError
from firmware_protocols.lock_boards import LineProtocol
from provisioning.lines import OtherLine, TakenOver, forgotten, kept, take_over, untried
from provisioning.record import (
    DoorCycles,
    FoundBus,
    FoundUnit,
    LastTest,
    LearntDoor,
    LearntProbe,
    OddChannel,
    Record,
)


def line(
    *units: int, name: str = "", port: str = "/dev/a", kind: str = "wkly", **also: Any
) -> FoundBus:
    boards = tuple(FoundUnit(unit=unit, kind=kind) for unit in units)
    return FoundBus(
        name=name, port=port, baud=9600, units=boards, **({"protocol": LineProtocol.WKLY} | also)
    )


def door(label: str, bus: str, unit: int) -> LearntDoor:
    return LearntDoor(
        label=label, bus=bus, unit=unit, kind="wkly", channel=0, sensor_unit=unit, sensor_kind="wkly",
        sensor_channel=0, open_level=1, pulse_ms=400, latency_ms=100, at="2026-11-27T00:00:00+00:00",
    )  # fmt: skip


TESTED = LastTest(
    at="2026-11-27T00:00:00+00:00", technician="w", probes=(),
    doors=tuple(DoorCycles(label=label, pulses=3, opened=3, shut=3) for label in ("A01", "B01")),
)  # fmt: skip
KNOWN = Record(
    buses=(line(1, 2, name="bus0"), line(5, name="bus1", port="/dev/b")),
    doors=(door("A01", "bus0", 1), door("B01", "bus1", 5)),
    probes=(LearntProbe(zone="z", bus="bus1", unit=9, kind="xy_md02"),),
    odd=(OddChannel(bus="bus0", unit=1, channel=3, why="no_door"),),
    tested=TESTED,
)


def test_a_new_line_gets_a_name_that_nothing_hangs_on() -> None:
    assert take_over(Record(), line(1)) == TakenOver(line(1, name="bus0"))
    assert take_over(KNOWN, line(1, port="/dev/c")) == TakenOver(
        line(1, name="bus2", port="/dev/c")
    )
    orphan = KNOWN.with_(buses=())
    assert take_over(orphan, line(1)) == TakenOver(line(1, name="bus2"))


def test_the_same_line_keeps_its_name_and_the_boards_that_are_silent() -> None:
    found = line(2, 3)
    assert take_over(KNOWN, found) == TakenOver(line(1, 2, 3, name="bus0"), missing=(1,))


def test_addresses_that_were_not_asked_for_are_not_missing() -> None:
    assert take_over(KNOWN, line(3), asked=range(3, 5)) == TakenOver(line(1, 2, 3, name="bus0"))
    assert take_over(KNOWN, line(1), asked=range(1, 3)) == TakenOver(line(1, name="bus0"))


@pytest.mark.parametrize(
    "found",
    [line(1, kind="kerong_cu16"), line(1, protocol=LineProtocol.MODBUS)],
)
def test_other_boards_at_the_port_change_nothing(found: FoundBus) -> None:
    judged = take_over(KNOWN, found)
    assert isinstance(judged, OtherLine)
    assert judged.name == "bus0"


def test_a_board_that_was_not_recognised_this_time_is_no_other_board() -> None:
    assert isinstance(take_over(KNOWN, line(1, kind="")), TakenOver)


def test_a_line_at_another_port_must_have_its_boards_and_be_tried_again() -> None:
    moved = take_over(KNOWN, line(1, port="/dev/c"), "bus0")
    assert moved == TakenOver(line(1, name="bus0", port="/dev/c"))
    assert isinstance(take_over(KNOWN, line(2, port="/dev/c"), "bus0"), OtherLine)
    assert isinstance(moved, TakenOver)
    record = kept(KNOWN, moved.bus)
    assert [bus.port for bus in record.buses] == ["/dev/c", "/dev/b"]
    assert record.tested is not None
    assert [one.label for one in record.tested.doors] == ["B01"]
    assert kept(KNOWN, line(1, name="bus0")).tested == TESTED


def test_forgetting_a_line_takes_what_was_learnt_on_it() -> None:
    record = forgotten(KNOWN, ["bus1"])
    assert [bus.name for bus in record.buses] == ["bus0"]
    assert ([one.label for one in record.doors], record.probes) == (["A01"], ())
    assert record.odd == KNOWN.odd
    assert record.tested is not None
    assert [one.label for one in record.tested.doors] == ["A01"]
    with pytest.raises(InvalidError, match="there are bus0, bus1"):
        forgotten(KNOWN, ["bus9"])


def test_without_a_test_there_is_nothing_to_take_back() -> None:
    assert untried(Record(), ["A01"]) == Record()
