"""Which passwords staff may choose: twelve characters or more, none that a list of common ones would find."""

from importlib import resources
from itertools import pairwise

from common.kit.errors import InvalidError

MIN_LENGTH = 12
MAX_LENGTH = 128
_MIN_DIFFERENT = 5
# Of twelve or more characters (shorter ones are refused anyway), and the words around this product.
_COMMON = frozenset(
    resources.files("cloud.access").joinpath("common_passwords.txt").read_text("utf-8").split()
)


def check_password(password: str, login: str) -> None:
    """Raise InvalidError `access.password_weak` for a password that would be guessed."""
    if why := _weakness(password, login):
        raise InvalidError("access.password_weak", why, min_length=MIN_LENGTH)


def _weakness(password: str, login: str) -> str | None:
    folded = password.casefold()
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"choose {MIN_LENGTH} to {MAX_LENGTH} characters"
    if folded in _COMMON:
        return "this password is on the list of common ones"
    if len(set(folded)) < _MIN_DIFFERENT or _is_repetition(folded) or _is_run(folded):
        return "repetitions and runs are guessed first"
    if login.casefold() in folded:
        return "the password must not contain the login"
    return None


def _is_repetition(text: str) -> bool:
    return text in (text + text)[1:-1]


def _is_run(text: str) -> bool:
    return len({ord(b) - ord(a) for a, b in pairwise(text)}) == 1
