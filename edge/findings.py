"""What `linli edge check` finds: a line, a stable key for programs, and how bad it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from common.kit.said import Said


class Level(Enum):
    """How bad a finding is."""

    OK = "ok"
    UNKNOWN = "unknown"
    """It cannot be told from here; nothing is known to be wrong."""
    WRONG = "wrong"
    USAGE = "setup"
    AWAY = "away"

    @property
    def exit_code(self) -> int:
        """Return the exit code of `linli edge check` for this level."""
        return {Level.WRONG: 1, Level.USAGE: 2, Level.AWAY: 3}.get(self, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    level: Level
    key: str
    """One of FINDING_KEYS."""
    text: Said
    """In English; `Texts.say` says it in another language."""

    @property
    def record(self) -> dict[str, object]:
        """Return it for a program, whatever language people speak."""
        about = {"key": self.key, "what": self.text, "params": dict(self.text.params)}
        return {"level": self.level.value, **about}


def found(level: Level, key: str, template: str, /, **params: str | int | float) -> Finding:
    """Return a finding with its sentence."""
    return Finding(level, key, Said(template, **params))


FINDING_KEYS: Mapping[str, str] = {
    "settings.read": "How much the settings describe.",
    "settings.wrong": "The settings cannot be used, and why.",
    "settings.not_given": "No settings were named, so nothing of theirs is looked at.",
    "secrets.paired": "The station has its key.",
    "secrets.unusable": "The key is missing or cannot be read.",
    "secrets.foreign": "The key is another station's.",
    "secrets.readable": "Others may read the key.",
    "hub.plain": "The hub is spoken to without TLS.",
    "hub.unpinned": "The hub is believed by this machine's authorities.",
    "hub.pin_damaged": "The pinned authority cannot be read.",
    "hub.no_certificate": "No certificate yet; it comes with the first contact.",
    "hub.certificate_ended": "The certificate has ended; it is renewed at the next contact.",
    "hub.certificate": "Until when the certificate is good.",
    "data.held": "Another program, mostly the daemon, holds the data folder: boards are not asked.",
    "data.unwritable": "The data folder cannot be written.",
    "data.writable": "The data folder can be written.",
    "disk.readonly": "The disk is read-only.",
    "disk.low": "The disk is nearly full.",
    "disk.free": "How much of the disk is free.",
    "page.taken": "The port of a page is taken.",
    "page.free": "The port of a page is free.",
    "bus.up": "A line is open.",
    "bus.away": "A line cannot be opened.",
    "bus.hint": "Something about a line's port that should be changed.",
    "bus.twins": "Two boards have one address.",
    "bus.figures": "How a line and its units do.",
    "goods.lying": "Goods sensors that see something.",
    "probe.good": "What a probe says.",
    "probe.bad": "A probe says nothing that can be used.",
    "input.unknown": "A flap or fill level cannot be told.",
    "input.said": "How a flap or fill level is.",
    "board.doubt": "A board's kind is experimental.",
    "board.no_inputs": "A board has no inputs, so it is not asked.",
    "board.silent": "A board does not answer.",
    "board.partly": "A board cannot tell some doors.",
    "board.doors": "How the doors of a board are.",
    "device.doubt": "A device's profile is experimental.",
    "device.silent": "A controller or meter does not answer.",
    "device.partly": "A controller or meter cannot tell something.",
    "device.said": "What a controller or meter says.",
    "own_port.sound": "A scanner, scale, card reader or printer is well.",
    "own_port.unsound": "A scanner, scale, card reader or printer needs a hand.",
    "own_port.away": "A scanner, scale, card reader or printer is not heard.",
    "camera.hint": "The camera is named by its number, which may change.",
    "camera.well": "The camera's picture is well.",
    "camera.poor": "The camera's picture is black, white, of one colour, frozen or blurred.",
    "camera.away": "The camera gives no picture.",
    "machine.seen": "What this computer is.",
    "machine.unknown": "This computer's kind is not tried.",
    "port.none": "There is no serial port.",
    "port.numbered": "A port is named by its number, which may change.",
    "port.missing": "A port is not there.",
    "port.usable": "A port may be used.",
    "port.forbidden": "A port may not be opened by this user.",
    "port.quick": "An FTDI adapter hands bytes over at once.",
    "port.slow": "An FTDI adapter hands bytes over late.",
    "clock.synced": "The clock is set by the network.",
    "clock.unknown": "It is not known whether the clock is set by the network.",
    "daemon.runs": "The station's daemon runs.",
    "daemon.stopped": "The station's daemon does not run.",
}
"""Key → what it is about; stable for programs. `port.…` to `daemon.…` are those of `linli provision doctor`."""
