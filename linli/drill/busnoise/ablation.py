"""The safeguards of a line, switched off from outside: each must be noticed."""

from collections.abc import Callable
from typing import Any

from edge.doors import duty
from edge.hardware import framed, modbus
from edge.hardware.belated import Belated
from edge.hardware.breaker import Breaker
from edge.hardware.greeting import Greeting
from edge.hardware.modbus_framing import RtuFraming
from edge.hardware.pace import Pace
from edge.hardware.supply import Supply
from firmware_protocols import modbus_rtu
from firmware_protocols.modbus_pdu import Reply, parse_reply
from linli.world.ablation import Patches


def _filter() -> Patches:
    def trusting(_self: Any, _sent: bytes, received: bytes) -> tuple[bytes, Reply | None]:
        frames = modbus_rtu.split_replies(received).frames
        return (frames[0].encode(), parse_reply(frames[0].pdu)) if frames else (b"", None)

    return [(RtuFraming, "pick_answer", trusting)]


def _quarantine() -> Patches:
    return [(Pace, "asked", lambda _self: None)]


def _second_question() -> Patches:
    return [(Belated, "owed", lambda *_: 0)]


def _echo() -> Patches:
    async def believes(*_: Any) -> None:
        return

    return [(Greeting, "_test_echo", believes)]


def _breaker() -> Patches:
    return [(Breaker, "allows", lambda *_: True)]


def _allow_list() -> Patches:
    return [(module, "may_leave", lambda *_: True) for module in (modbus, framed)]


def _inrush() -> Patches:
    async def at_once(_self: Any) -> None:
        return

    return [(Supply, "_rest", at_once)]


def _duty() -> Patches:
    return [(duty, "wait_s", lambda *_, **__: 0.0)]


ABLATIONS: dict[str, Callable[[], Patches]] = {
    "filter": _filter,
    "quarantine": _quarantine,
    "second-question": _second_question,
    "echo": _echo,
    "breaker": _breaker,
    "allow-list": _allow_list,
    "inrush": _inrush,
    "duty": _duty,
}
