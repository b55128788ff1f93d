"""What a handler outside the typed layer takes and answers, written beside it: probes, the device gateway.

`common.kit.openapi_document` finds the mark on the routes of the running application, so a route and its
description are one thing; a handler without a mark is a page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__linli_described__"
ANY_HOST = frozenset({421})
"""What every route answers to a request for a host name that is not served here."""


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """A header that proves who asks; `name` is what the document calls it."""

    name: str
    header: str
    description: str


@dataclass(frozen=True, slots=True)
class Described:
    """One operation; method and path are the router's. `answers` maps a status to a type, None for no body.

    `binary`: the body is bytes (application/octet-stream), not a message.
    """

    summary: str
    tag: str
    answers: Mapping[int, Any]
    media_type: str = "application/json"
    problems: frozenset[int] = ANY_HOST
    query: Any = None
    body: Any = None
    binary: bool = False
    path: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[KeyHeader, ...] = ()


def described(description: Described) -> Callable[[F], F]:
    """Mark a handler as an operation of the document."""

    def mark(handler: F) -> F:
        setattr(handler, _MARK, description)
        return handler

    return mark


def description_of(handler: object) -> Described | None:
    """Return what was written beside `handler`, None for a page."""
    found: Described | None = getattr(handler, _MARK, None)
    return found
