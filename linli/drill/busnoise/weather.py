"""What goes wrong on a line, drawn from the seed: one fault after the other, some at once."""

import random

from pydantic import TypeAdapter

from device_sim.faults import Fault
from device_sim.wire_faults import BitFlips
from firmware_protocols.lock_boards import LineProtocol
from linli.drill.busnoise.stand import LINE, Stand

_FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
SURE_BITS = {LineProtocol.MODBUS: 3}
"""Flipped bits in one frame that its checksum finds for certain; one byte of XOR or sum finds one."""
MOST_BEHIND_IN_A_ROW = 2
"""One question more than was missed is asked (decision 0047): what is behind more often in a row is told late."""
_KINDS = (
    "no_answer", "late_answer", "answer_to_next", "split_answer", "garbage", "bit_flips",
    "foreign_frame", "foreign_function", "busy", "unsolicited", "adapter_unplugged",
)  # fmt: skip
_ALWAYS_LATE_S = 0.6
"""With its turn-around and 60 bytes of answer and garbage it is still there within time-out and silence, 0.7 s."""
_BEHIND = ("late_answer", "answer_to_next")
_WEIGHTS = (2, 4, 3, 3, 4, 5, 5, 4, 2, 4, 0.5)


def next_fault(stand: Stand, draw: random.Random) -> Fault | None:
    """Return the next fault; None: together with what lies on the line it would be more than can be told.

    Two lots of flipped bits are more than a checksum finds for certain. A unit that is late and one behind at the
    same time is more than one answer behind, and no master can know by how many.
    """
    kind, book = draw.choices(_KINDS, _WEIGHTS)[0], stand.cabinet.faults
    if kind == "bit_flips" and book.on(BitFlips, LINE):
        return None
    if kind in _BEHIND and any(one.kind in _BEHIND for one in book.active()):
        return None
    fields: dict[str, object] = {"kind": kind, "for_s": round(draw.uniform(0.5, 8), 2)}
    if kind in ("bit_flips", "adapter_unplugged"):
        fields["target"] = LINE
    else:
        units = [board.unit for board in stand.cabinet.config.board if board.bus == LINE]
        fields["target"] = draw.choice(units)
    if kind not in ("no_answer", "adapter_unplugged"):
        fields["seed"] = draw.randrange(1_000_000)
        fields["share"] = draw.choice((0.3, 0.6, 1.0))
    fields |= _details(kind, stand, draw)
    return _FAULT.validate_python(fields)


def _details(kind: str, stand: Stand, draw: random.Random) -> dict[str, object]:
    match kind:
        case "no_answer":
            return {"deaf": draw.random() < 0.5}
        case "late_answer" | "answer_to_next":
            # later than time-out and silence every time, or always one behind: no master can serve such a board
            late = {"delay_s": round(draw.uniform(0.05, _ALWAYS_LATE_S), 3), "share": 1.0}
            behind = {"share": 0.3, "most_in_a_row": MOST_BEHIND_IN_A_ROW}
            return {**(late if kind == "late_answer" else behind)}
        case "split_answer":
            return {
                "burst_bytes": draw.choice((1, 2, 16)),
                "pause_s": draw.choice((0, 0.003, 0.016)),
            }
        case "garbage":
            return {"before": draw.randrange(13), "after": draw.randrange(13)}
        case "bit_flips":
            sure = SURE_BITS.get(stand.facts.protocol, 1)
            way = draw.choice(("answers", "requests", "both"))
            return {"rate": draw.choice((0.005, 0.05, 1)), "most_bits": sure, "direction": way}
        case "foreign_frame":
            return {"by": draw.choice((3, 5, 7)), "instead": draw.random() < 0.6}
        case "foreign_function":
            return {"instead": draw.random() < 0.6}
        case "busy":
            return {"code": draw.choice((4, 5, 6))}
        case "unsolicited":
            return {"place": draw.choice(("before", "middle", "after"))}
        case _:
            return {"for_s": round(draw.uniform(0.3, 3), 2)}
