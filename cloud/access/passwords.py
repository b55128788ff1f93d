"""Which passwords staff may choose (twelve characters or more, none of the common ones), and how they are checked."""

from importlib import resources
from itertools import pairwise

from common.kit.codes import hash_secret, secret_matches
from common.kit.errors import InvalidError
from common.kit.web import TooManyError
from common.kit.work import Work

MIN_LENGTH = 12
MAX_LENGTH = 128
_MIN_DIFFERENT = 5
_QUEUE_MAX = 8  # Argon2 runs one at a time; a longer queue would starve pickup codes
# An unknown login costs the same Argon2 time as a known one; nobody knows this one's password.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$bGlubGktbm9ib2R5LTAw$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
# Of twelve or more characters (shorter ones are refused anyway), and the words around this product.
_COMMON = frozenset(
    resources.files("cloud.access").joinpath("common_passwords.txt").read_text("utf-8").split()
)


class Passwords:
    """Hashes and compares, by a work port that runs one Argon2 at a time."""

    def __init__(self, work: Work) -> None:
        """Nobody waits yet."""
        self._work, self._queue = work, 0

    async def hashed(self, password: str, login: str) -> str:
        """Return what is kept of a new password; InvalidError `access.password_weak`."""
        check_password(password, login)
        return await self._work.run(hash_secret, password)

    async def matches(self, phc: str | None, password: str) -> bool:
        """Tell whether it is the password; None, an unknown login's, costs the same time."""
        if self._queue >= _QUEUE_MAX:
            raise TooManyError("access.busy", "too many sign-ins at once", wait_s=2)
        self._queue += 1
        try:
            return await self._work.run(secret_matches, phc or _NOBODY, password)
        finally:
            self._queue -= 1


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
