"""The root of all expected errors: a stable key for machines, parameters for the sentence, what to do.

Classes say what the caller must do; text for people is made from the key by the catalogue.
"""

from collections.abc import Mapping


class LinliError(Exception):
    """Something went wrong that the program foresaw."""

    status = 500

    def __init__(self, key: str, detail: str, **params: str | int | float | bool | None) -> None:
        """Keep the stable `key` (e.g. `order.not_found`), an English `detail` and its parameters."""
        super().__init__(detail)
        self.key = key
        self.detail = detail
        self.params: Mapping[str, str | int | float | bool | None] = params


class InvalidError(LinliError):
    """The request cannot be right: fix it, do not repeat it."""

    status = 422


class UnauthenticatedError(LinliError):
    """Nobody is signed in, or the token or signature does not hold."""

    status = 401


class RefusedError(LinliError):
    """Understood and refused: role, budget, limiter."""

    status = 403


class NotFoundError(LinliError):
    """No such thing, or not for this caller."""

    status = 404


class ConflictError(LinliError):
    """The state has moved on: read it again."""

    status = 409


class UnavailableError(LinliError):
    """Not now: the caller may try again later."""

    status = 503


class ConfigError(LinliError):
    """A file or setting is wrong; the message names the place and the remedy."""

    status = 500


def exit_code(error: LinliError) -> int:
    """Return how a command ends after `error`: 2 usage or configuration, 3 unavailable."""
    return 2 if isinstance(error, ConfigError | InvalidError) else 3


def detail_of(error: LinliError | OSError) -> str:
    """Return what went wrong as a sentence: ours as it was made, the system's in its own words."""
    if isinstance(error, LinliError):
        return error.detail
    return str(error) or type(error).__name__
