"""Logs carry ids, never secrets, and say a lasting trouble once."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from common.kit.log import Outage, log_ids, redact, setup_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("code 48213907 refused", "code *** refused"),
        ("code=4821 3907 refused", "code=*** refused"),
        ("tried 4821 3907", "tried ***"),
        ("phone 13812345678", "phone ***"),
        ("call +86 138 1234 5678 now", "call *** now"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer ***"),
        ('{"token": "s3cr3t", "n": 1}', '{"token": "***", "n": 1}'),
        ("pin=2468, door A3", "pin=***, door A3"),
    ],
)
def test_secrets_are_struck_out(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    ["frame 01 05 00 00 ff 00", "boot_epoch 12 seq 345", "took 0.123 s", "at 1763875200123 ms"],
)
def test_plain_figures_stay(text: str) -> None:
    assert redact(text) == text


def test_json_lines_carry_ids_and_extras(stream: io.StringIO) -> None:
    setup_logging("json", stream=stream)
    with log_ids(station_id="st-1"):
        logging.getLogger("edge.sync").warning("hub away", extra={"tries": 3, "code": "48213907"})
    entry = json.loads(stream.getvalue())
    assert entry.pop("at").endswith("+00:00")
    assert entry == {
        "level": "warning",
        "name": "edge.sync",
        "text": "hub away",
        "station_id": "st-1",
        "tries": 3,
        "code": "***",
    }


def test_plain_lines_are_for_people(stream: io.StringIO) -> None:
    setup_logging("plain", stream=stream)
    with log_ids(bus="A"):
        logging.getLogger("edge.hardware").info("unit %d silent", 3)
    assert stream.getvalue().endswith("INFO edge.hardware: unit 3 silent (bus=A)\n")


def test_tracebacks_are_kept_and_cleaned(stream: io.StringIO) -> None:
    setup_logging("json", stream=stream)
    try:
        raise RuntimeError("token=abc")
    except RuntimeError:
        logging.getLogger("x").exception("failed")
    trace = json.loads(stream.getvalue())["trace"]
    assert trace.endswith("RuntimeError: token=***")


def test_below_the_level_nothing_is_written(stream: io.StringIO) -> None:
    setup_logging("plain", level="warning", stream=stream)
    logging.getLogger("x").info("quiet")
    assert stream.getvalue() == ""


async def test_ids_follow_the_task_and_end_with_it(stream: io.StringIO) -> None:
    setup_logging("json", stream=stream)

    async def work(name: str) -> None:
        with log_ids(job=name):
            await asyncio.sleep(0)
            logging.getLogger("x").info("in")

    async with asyncio.TaskGroup() as group:
        group.create_task(work("one"))
        group.create_task(work("two"))
    logging.getLogger("x").info("out")
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [entry.get("job") for entry in entries] == ["one", "two", None]


def test_an_outage_is_said_once_each_way(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    subject = Outage(logging.getLogger("edge.sync"), "hub")
    assert not subject.back()
    assert [subject.down("refused") for _ in range(3)] == [True, False, False]
    assert subject.is_down
    assert [subject.back(), subject.back()] == [True, False]
    assert [record.getMessage() for record in caplog.records] == [
        "hub away: refused",
        "hub back after 3 failures",
    ]
