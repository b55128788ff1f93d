"""The step `identify`: lets a board show where it hangs, where it has a light; never by moving a lock."""

from common.kit.errors import InvalidError, NotFoundError, RefusedError
from common.kit.said import Said
from edge.hardware.errors import DeviceRefusedError, NoReplyError
from edge.hardware.wkly import WklyBoard
from firmware_protocols.lock_boards import LOCK_BOARDS
from provisioning.bench import Board, open_bench
from provisioning.job import Job
from provisioning.known import board_of, check_doors

TIMES = 5


async def identify_step(job: Job, door: str | None, board: str | None, channel: int) -> bool:
    """Let the light of a door's channel blink; RefusedError for a board without a light."""
    bus, unit, place = _where(job, door, board, channel)
    async with open_bench(job, [bus]) as bench:
        found = bench.boards.get((bus, unit))
        if found is None:
            said = Said("%(bus)s/%(unit)s is no lock board", bus=bus, unit=unit)
            raise NotFoundError("provision.no_board", said)
        await _blink(job, found, place)
    return True


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


async def _blink(job: Job, board: Board, channel: int) -> None:
    if not isinstance(board.driver, WklyBoard):
        said = Said(
            "a %(board)s has no light that can be told to blink, and a relay is not clicked for it:"
            " a lock hangs there. Follow the wires, or learn the door",
            board=LOCK_BOARDS[board.kind].name,
        )
        raise RefusedError("provision.no_light", said)
    for _ in range(TIMES):
        try:
            await board.driver.blink(channel)
        except NoReplyError:
            job.talk.tell("no_blink", "board %(unit)s does not answer", unit=board.unit)
            raise
        except DeviceRefusedError as error:
            said = Said(
                "board %(unit)s has no channel %(channel)s", unit=board.unit, channel=channel
            )
            raise NotFoundError("provision.no_channel", said) from error
    job.talk.tell(
        "blinked", "the light of board %(unit)s channel %(channel)s has blinked %(times)s times",
        unit=board.unit, channel=channel, times=TIMES,
    )  # fmt: skip
