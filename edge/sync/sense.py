"""Numbers that a hub says, looked at before any is stored: this station says them back at every start from then on.

Without TLS answers are not signed: one forged or mistaken number must not take the hub away for good.
"""

from common.contract.protocol import AHEAD, Hello, HelloAnswer, most_after
from common.contract.versions import FIRST, OURS
from edge.sync.client import HubAway

MOST = 2**48
"""The largest that is stored of any hub: a hello carries 2^49 - 1, and our own boots come on top."""


def check_answer(hello: Hello, answer: HelloAnswer) -> None:
    """Raise HubAway for an answer to `hello` with a number that no hub reaches from there."""
    is_first = (
        hello.session == 0
    )  # any number may be new to a new disk, as long as it can be said back
    _check("session", answer.session, most_after(hello.session, MOST))
    own_epoch = 0 if is_first else hello.boot_epoch
    _check("boot epoch", answer.min_boot_epoch, most_after(own_epoch, MOST))
    _check("generation", answer.gen, most_after(hello.gen, MOST))
    for place in (answer.acked.facts, answer.acked.telemetry):
        _check("boot epoch", place.boot_epoch, answer.min_boot_epoch + AHEAD)
    if (answer.proto or FIRST) not in OURS.protos:
        raise HubAway(f"the hub wants protocol {answer.proto}, which nobody offered", reached=True)


def check_op(op: int) -> None:
    """Raise HubAway for a place in the rows that no hub reaches."""
    _check("op", op, MOST)


def is_epoch_near(theirs: int, own: int) -> bool:
    """Return whether a hub that knows a station of boot epoch `own` can hold events of `theirs`."""
    return theirs <= most_after(own, MOST)


def _check(what: str, said: int, most: int) -> None:
    if said > most:
        raise HubAway(f"the hub makes no sense: {what} {said}", reached=True)
