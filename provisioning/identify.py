"""The step `identify`: which of the boards that hang there is this one? Never by moving a lock.

A board with lights blinks. One with door inputs is found the other way round: a contact is moved where somebody looks,
and the board that sees it is named. One with neither is found by taking its plug off the line.
"""

from collections.abc import Iterator

from common.kit.errors import InvalidError, NotFoundError, RefusedError
from common.kit.said import Said
from edge.hardware.errors import DeviceRefusedError, NoReplyError
from edge.hardware.wkly import WklyBoard
from firmware_protocols.lock_boards import LOCK_BOARDS
from provisioning.bench import Board, Place, Workbench, open_bench
from provisioning.contacts import Inputs, settled
from provisioning.job import Job
from provisioning.known import board_of, check_doors

TIMES = 5


async def identify_step(job: Job, door: str | None, board: str | None, channel: int) -> bool:
    """Let the board of a door show itself, or name the boards whose contacts move; False when it did not turn up.

    RefusedError, with what to do instead, for a board that has neither light nor inputs.
    """
    bus, unit, place = _where(job, door, board, channel)
    async with open_bench(job, [bus]) as bench:
        found = bench.boards.get((bus, unit))
        if found is None:
            text = "no lock board %(bus)s/%(unit)s was found"
            raise NotFoundError("provision.no_board", Said(text, bus=bus, unit=unit))
        if isinstance(found.driver, WklyBoard):
            await _blink(job, found, found.driver, place)
            return True
        if not found.inputs:
            raise _without_any(found)
        return await _by_contact(job, bench, found)


def _where(job: Job, door: str | None, board: str | None, channel: int) -> tuple[str, int, int]:
    if door is not None:
        check_doors(job.record, [door.upper()])
        known = job.record.door(door.upper())
        assert known is not None
        return known.bus, known.unit, known.channel
    if board is None:
        said = Said("give --door A01, or --board bus0/1 as `scan` printed it")
        raise InvalidError("provision.board", said)
    bus, unit = board_of(job.record, board)
    return bus.name, unit.unit, channel


def _without_any(board: Board) -> RefusedError:
    text = (
        "a %(board)s has neither a light nor door inputs, and a relay is not clicked for it: a lock hangs there."
        " Take the plug of the board you look at off the line and run `linli provision scan`:"
        " the address that no longer answers was it. Then plug it in again"
    )
    return RefusedError("provision.no_light", Said(text, board=LOCK_BOARDS[board.kind].name))


async def _blink(job: Job, board: Board, driver: WklyBoard, channel: int) -> None:
    for _ in range(TIMES):
        try:
            await driver.blink(channel)
        except NoReplyError:
            job.talk.tell("no_blink", "board %(unit)s does not answer", unit=board.unit)
            raise
        except DeviceRefusedError as error:
            text = "board %(unit)s has no channel %(channel)s"
            said = Said(text, unit=board.unit, channel=channel)
            raise NotFoundError("provision.no_channel", said) from error
    job.talk.tell(
        "blinked", "the light of board %(unit)s channel %(channel)s has blinked %(times)s times",
        unit=board.unit, channel=channel, times=TIMES,
    )  # fmt: skip


async def _by_contact(job: Job, bench: Workbench, wanted: Board) -> bool:
    """Name what moves until it is the board that is looked for, or somebody has looked enough."""
    job.talk.tell(
        "no_light", "A %(board)s has no light, so it is found by a contact.",
        board=LOCK_BOARDS[wanted.kind].name,
    )  # fmt: skip
    before = await settled(bench, wanted.bus)
    while True:
        answer = await job.talk.ask(
            "move_contact",
            "At the board you look at, open or shut a door by hand or bridge a contact, then press Enter; - ends.",
        )
        if answer == "-":
            return False
        now = await settled(bench, wanted.bus)
        moved = list(_moved(before, now))
        for unit, channel in moved:
            _tell_moved(job, wanted.bus, (unit, channel), is_wanted=unit == wanted.unit)
        if not moved:
            job.talk.tell("nothing_moved", "no contact of this line has moved")
        if any(unit == wanted.unit for unit, _ in moved):
            return True
        before = now


def _moved(before: Inputs, now: Inputs) -> Iterator[Place]:
    for place, state in now.items():
        if state is not None and before.get(place) is not None and state != before[place]:
            yield place


def _tell_moved(job: Job, bus: str, place: Place, *, is_wanted: bool) -> None:
    unit, channel = place
    label = next(
        (
            door.label
            for door in job.record.doors
            if (door.bus, door.sensor_unit, door.sensor_channel) == (bus, unit, channel)
        ),
        None,
    )
    job.talk.tell(
        "contact_moved", "that is board %(board)s, input %(channel)s, door %(door)s",
        board=f"{bus}/{unit}", channel=channel, door=label, wanted=is_wanted,
    )  # fmt: skip
