"""Learns a cabinet door by door: pulse a channel, ask which door opened, see which contact moved, see it shut again.

Kept after every door; what is known is not asked again. Two doors at one pulse are never configured.
"""

from edge.hardware.errors import DeviceRefusedError, NoReplyError
from edge.hardware.jobs import Priority
from edge.hardware.kerong import KerongCu16
from edge.hardware.ports import PulseResult
from edge.hardware.pulsing import MAX_PULSE_MS
from firmware_protocols import waveshare_relay
from firmware_protocols.lock_boards import LOCK_BOARDS
from provisioning.bench import Board, Workbench
from provisioning.contacts import Inputs, Moved, goes_back, settled, wait_moved
from provisioning.job import Job
from provisioning.record import WHY, DrawnDoor, LearntDoor, OddChannel

NONE, SEVERAL, AGAIN = "-", "+", "r"
_SENSOR = Priority.SENSOR


class Learner:
    """One round over the boards of a bench."""

    def __init__(self, job: Job, bench: Workbench, pulse_ms: int, *, again: bool) -> None:
        """`again`: channels behind which nothing could be learnt are tried once more."""
        self._job, self._bench, self._pulse_ms, self._again = job, bench, pulse_ms, again

    async def run(self) -> bool:
        """Learn what is missing; True when every door of the drawing is known and nothing is dangerous."""
        talk = self._job.talk
        if self._left() == []:
            talk.tell("nothing_left", "every door is known already")
        else:
            await talk.ask("all_shut", "Shut every door of the cabinet, then press Enter.")
            for board in self._bench.boards.values():
                if self._left() == []:
                    break
                if await self._fit_to_open(board):
                    await self._learn_board(board)
        return self._sum_up()

    def _left(self) -> list[str] | None:
        """Return the labels of the drawing that are not known yet; None: without a drawing nobody knows."""
        record = self._job.record
        if not record.is_drawn:
            return None
        return [door.label for door in record.drawing.door if record.door(door.label) is None]

    async def _fit_to_open(self, board: Board) -> bool:
        """Let a person confirm a board that was only guessed; look at the settings that could burn a coil."""
        talk = self._job.talk
        unit = next(
            unit
            for bus in self._job.record.buses
            if bus.name == board.bus
            for unit in bus.units
            if unit.unit == board.unit
        )
        pulse_ms = board.pulse_ms(self._pulse_ms)
        if unit.sure != "certain" or pulse_ms > self._pulse_ms:
            answer = await talk.ask(
                "confirm_board",
                "Board %(unit)s on %(bus)s looks like %(name)s and gives pulses of %(ms)s ms. Right, and do the"
                " locks bear that? (y/n)",
                default="y", unit=board.unit, bus=board.bus, kind=board.kind,
                name=LOCK_BOARDS[board.kind].name, ms=pulse_ms,
            )  # fmt: skip
            if answer.lower() not in ("y", "yes", "是"):
                talk.tell(
                    "board_skipped", "board %(unit)s is left alone", unit=board.unit, bus=board.bus
                )
                return False
        return await self._own_pulse_bearable(board) and await self._modes_normal(board)

    async def _own_pulse_bearable(self, board: Board) -> bool:
        if not isinstance(board.driver, KerongCu16):
            return True
        try:
            ms = await board.driver.read_pulse_ms()
        except (NoReplyError, DeviceRefusedError):
            return True  # its answer is not documented: silence says nothing
        if ms <= MAX_PULSE_MS:
            return True
        self._job.talk.tell(
            "pulse_too_long",
            "board %(unit)s is set to pulses of %(ms)s ms, which burn a lock: set it to 500 first",
            unit=board.unit, bus=board.bus, ms=ms,
        )  # fmt: skip
        return False

    async def _modes_normal(self, board: Board) -> bool:
        """A (D) may come with its inputs driving its relays: a door that shuts would open another."""
        if board.kind != "waveshare_8ch_d":
            return True
        owner = self._bench.owners[board.bus]
        normal = waveshare_relay.set_all_modes(waveshare_relay.Mode.NORMAL)
        for _ in range(2):
            try:
                reply = await owner.call(_SENSOR, board.unit, waveshare_relay.read_modes())
            except DeviceRefusedError:
                return True  # without inputs it has no modes
            if not any(reply.data):
                return True
            await owner.call(_SENSOR, board.unit, normal)
            self._job.talk.tell(
                "modes_set", "board %(unit)s: inputs do not drive relays any more",
                unit=board.unit, bus=board.bus,
            )  # fmt: skip
        return False

    async def _learn_board(self, board: Board) -> None:
        for channel in range(board.channels):
            if self._left() == []:
                return
            if not self._is_known(board, channel):
                await self._learn_channel(board, channel)

    def _is_known(self, board: Board, channel: int) -> bool:
        place = (board.bus, board.unit, channel)
        record = self._job.record
        if any((d.bus, d.unit, d.channel) == place for d in record.doors):
            return True
        odd = any((one.bus, one.unit, one.channel) == place for one in record.odd)
        return odd and not self._again

    async def _learn_channel(self, board: Board, channel: int) -> None:
        while True:
            before = await settled(self._bench, board.bus)
            ms = board.pulse_ms(self._pulse_ms)
            result = await self._bench.pulse(board, channel, ms)
            if result in (PulseResult.NOT_SENT, PulseResult.REJECTED):
                self._odd(board, channel, "refused", result.value)
                return
            moved = await wait_moved(self._bench, board.bus, before)
            answer = await self._which(board, channel, moved)
            if answer == AGAIN:
                continue
            if answer == NONE:
                self._odd(board, channel, "no_door", "")
            elif answer == SEVERAL:
                await self._several(board, channel)
            elif not await self._judge(board, channel, answer, before, moved):
                continue
            return

    async def _which(self, board: Board, channel: int, moved: Moved) -> str:
        """Ask until the answer can be: a door that is in the drawing and not known yet."""
        talk, left = self._job.talk, self._left()
        guess = (left[0] if left else "") if moved.inputs else NONE
        while True:
            answer = await talk.ask(
                "which_door",
                "%(bus)s board %(unit)s channel %(channel)s was pulsed (contacts that moved: %(contacts)s). Which door"
                " opened? Its label; - none, + more than one, r again",
                default=guess, bus=board.bus, unit=board.unit, channel=channel,
                contacts=[f"{unit}/{place}" for unit, place in moved.inputs],
            )  # fmt: skip
            if answer in (NONE, SEVERAL, AGAIN):
                return answer
            label = answer.upper()
            if self._job.record.door(label) is not None:
                talk.tell("known_label", "%(label)s is known at another channel", label=label)
            elif left is not None and label not in left:
                talk.tell("no_such_label", "the drawing has no door %(label)s", label=label)
            elif label:
                return label

    async def _several(self, board: Board, channel: int) -> None:
        talk = self._job.talk
        talk.tell(
            "two_doors",
            "DANGER: one pulse opened more than one door. Two boards with one address, or wires that touch: it is not"
            " configured; mend it and learn this channel --again",
            bus=board.bus, unit=board.unit, channel=channel,
        )  # fmt: skip
        self._odd(board, channel, "two_doors", "")
        await talk.ask("shut_all", "Shut them all, then press Enter.")

    async def _judge(
        self, board: Board, channel: int, label: str, before: Inputs, moved: Moved
    ) -> bool:
        """Learn the door once it is shut again; False: it was another one, and the channel is tried once more."""
        shut = await self._shut(board.bus, label, before, moved)
        if shut is None:
            return False
        self._draw(label)
        if not moved.inputs:
            self._odd(board, channel, "no_sensor", label)
        elif len(moved.inputs) > 1:
            self._odd(board, channel, "two_sensors", label)
        elif not shut:
            self._odd(board, channel, "did_not_shut", label)
        else:
            await self._learnt(board, channel, label, moved)
        return True

    async def _learnt(self, board: Board, channel: int, label: str, moved: Moved) -> None:
        ((unit, place), state) = next(iter(moved.inputs.items()))
        sensor = self._bench.boards[board.bus, unit]
        door = LearntDoor(
            label=label, bus=board.bus, unit=board.unit, kind=board.kind, channel=channel,
            sensor_unit=unit, sensor_kind=sensor.kind, sensor_channel=place,
            open_level=1 if state else 0, pulse_ms=board.pulse_ms(self._pulse_ms),
            latency_ms=moved.after_ms, at=self._job.clock.wall().isoformat(timespec="seconds"),
        )  # fmt: skip
        self._forget(board, channel)
        self._job.keep(doors=(*self._job.record.doors, door))
        self._job.talk.tell(
            "learnt",
            "  %(label)s: board %(unit)s channel %(channel)s, contact %(sensor)s, open is %(level)s, %(ms)s ms",
            label=label, bus=board.bus, unit=board.unit, channel=channel,
            sensor=f"{unit}/{place}", level=door.open_level, ms=moved.after_ms,
        )  # fmt: skip

    def _draw(self, label: str) -> None:
        """Without a drawing a door gets a place under the last one, to be moved later."""
        drawing = self._job.record.drawing
        if any(door.label == label for door in drawing.door):
            return
        zone = drawing.zone[0].name
        fresh = DrawnDoor(label=label, zone=zone, size="M", column=0, row=2 * len(drawing.door))
        self._job.keep(drawing=drawing.model_copy(update={"door": (*drawing.door, fresh)}))

    async def _shut(self, bus: str, label: str, before: Inputs, moved: Moved) -> bool | None:
        """Let the door be shut by hand and see its contact go back, asked for three times; None: it is another door."""
        talk = self._job.talk
        for _ in range(3):
            answer = await talk.ask(
                "shut_door",
                "Now shut %(label)s by hand, then press Enter (r if another door had opened).",
                label=label,
            )
            if answer == AGAIN:
                await talk.ask("all_shut", "Shut every door of the cabinet, then press Enter.")
                return None
            if await goes_back(self._bench, bus, before, moved.inputs):
                return True
            talk.tell(
                "still_open", "contact %(contacts)s still says open",
                contacts=[f"{unit}/{place}" for unit, place in moved.inputs],
            )  # fmt: skip
        return False

    def _odd(self, board: Board, channel: int, why: str, note: str) -> None:
        self._forget(board, channel)
        odd = OddChannel.model_validate(
            {
                "bus": board.bus, "unit": board.unit, "channel": channel,
                "why": why, "note": note,
            }
        )  # fmt: skip
        self._job.keep(odd=(*self._job.record.odd, odd))
        self._job.talk.tell(
            "odd", "  board %(unit)s channel %(channel)s: %(why)s %(note)s",
            bus=board.bus, unit=board.unit, channel=channel,
            why=why if self._job.talk.as_json else self._job.talk.texts.gettext(WHY[why]), note=note,
        )  # fmt: skip

    def _forget(self, board: Board, channel: int) -> None:
        place = (board.bus, board.unit, channel)
        kept = [one for one in self._job.record.odd if (one.bus, one.unit, one.channel) != place]
        self._job.keep(odd=tuple(kept))

    def _sum_up(self) -> bool:
        record, left = self._job.record, self._left() or []
        dangerous = [one for one in record.odd if one.why == "two_doors"]
        self._job.talk.tell(
            "summed_up", "%(doors)s door(s) known; missing: %(missing)s; channels without a door: %(odd)s",
            doors=len(record.doors), missing=left,
            odd=[f"{one.bus}/{one.unit}/{one.channel}" for one in record.odd],
        )  # fmt: skip
        return bool(record.doors) and not left and not dangerous
