"""Logging for every program: one line a record, ids from the context, secrets struck out.

JSON for machines, plain text for people; both through the standard library, where the libraries
log too.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TextIO

import orjson

_ids: ContextVar[Mapping[str, str]] = ContextVar("linli_log_ids", default=MappingProxyType({}))

# What must never be read in a log: phones, pickup codes, bearer tokens, named secrets (DESIGN 6).
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?!\d)"), "***"),
    (re.compile(r"(?<![\d.])\d{4}[ -]?\d{4}(?![\d.])"), "***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 ***"),
    (
        re.compile(
            r"(?i)\b(code|pin|token|password|passphrase|secret|pepper|cookie|phone)"
            r"(['\"]?\s*[=:]\s*['\"]?)[^\s,;'\"})]+"
        ),
        r"\1\2***",
    ),
)
_SECRET_FIELDS = frozenset(
    {"code", "pin", "token", "password", "passphrase", "secret", "pepper", "cookie", "phone"}
)
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def setup_logging(
    style: Literal["json", "plain"] = "plain",
    level: str = "INFO",
    stream: TextIO | None = None,
) -> None:
    """Send every record of this process to `stream` (stderr), and nowhere else."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else PlainFormatter())
    handler.addFilter(_add_ids)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # One line a request belongs to the metrics; the access log would also carry query strings.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


@contextmanager
def log_ids(**ids: str) -> Iterator[None]:
    """Put `ids` (`station_id="…"`) on every record made inside, also in tasks started there."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def redact(text: str) -> str:
    """Return `text` with phones, eight-digit codes, tokens and named secrets struck out."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class PlainFormatter(logging.Formatter):
    """`12:00:01.123 WARNING edge.sync: hub away (station_id=st-1)`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, a traceback below it."""
        moment = datetime.fromtimestamp(record.created, UTC)
        ids = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        line = (
            f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d} {record.levelname} "
            f"{record.name}: {redact(record.getMessage())}{f' ({ids})' if ids else ''}"
        )
        trace = _trace(record)
        return f"{line}\n{trace}" if trace else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `name`, `text`, ids and extras, `trace`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "name": record.name,
            "text": redact(record.getMessage()),
            **_fields(record),
        }
        if trace := _trace(record):
            entry["trace"] = trace
        return orjson.dumps(entry, default=str).decode()


class Outage:
    """Says a lasting trouble once when it starts and once when it ends, not at every retry."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        """Speak of `what` ("hub", "bus A") to `log`."""
        self._log, self._what, self._failures = log, what, 0

    @property
    def is_down(self) -> bool:
        """True between `down()` and `back()`."""
        return self._failures > 0

    def down(self, reason: object) -> bool:
        """Note a failure; True (and a warning) only for the first in a row."""
        self._failures += 1
        if self._failures == 1:
            self._log.warning("%s away: %s", self._what, reason)
        return self._failures == 1

    def back(self) -> bool:
        """Note a success; True (and a line) only for the first after failures."""
        failures, self._failures = self._failures, 0
        if failures:
            self._log.info("%s back after %d failures", self._what, failures)
        return failures > 0


def _add_ids(record: logging.LogRecord) -> bool:
    record.linli_ids = _ids.get()
    return True


def _fields(record: logging.LogRecord) -> dict[str, object]:
    extras = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    ids = extras.pop("linli_ids", {})
    fields = {**ids, **extras} if isinstance(ids, Mapping) else extras
    return {key: _clean(key, value) for key, value in fields.items()}


def _clean(key: str, value: object) -> object:
    if key.lower() in _SECRET_FIELDS:
        return "***"
    return value if isinstance(value, int | float | bool | None) else redact(str(value))


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return redact("".join(traceback.format_exception(record.exc_info[1])).rstrip())
