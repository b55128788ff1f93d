"""What a station reported is a sentence in both languages, for every released event; the rest is shown by its type."""

import json
from pathlib import Path

import pytest

from cloud.sync.gateway import StoredEvent
from cloud.web.event_words import say, temperatures
from common.contract.events import EVENT_TYPES
from common.ui.i18n import Catalogue
from tests.parts import ROOT

GOLDEN = ROOT / "tests/golden"
CATALOGUE = Catalogue()


def stored(type_: str, body: str) -> StoredEvent:
    return StoredEvent("facts", 1, 1, 1_780_000_000_000, 1_780_000_000_100, type_, 1, body)


def told(type_: str, body: str, **zones: str) -> tuple[str, str]:
    """Return the sentence in English and in Chinese; the kind is the same in both."""
    english, chinese = (
        say(stored(type_, body), CATALOGUE.texts(lang), zones) for lang in ("en", "zh-CN")
    )
    assert english[0] == chinese[0]
    return english[1], chinese[1]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("event.*.v1.json")), ids=lambda p: p.name)
def test_every_released_event_is_a_sentence(path: Path) -> None:
    type_ = path.name.removeprefix("event.").removesuffix(".v1.json")
    if EVENT_TYPES[type_][0].value == "telemetry":
        return  # measurements are shown as curves
    body = path.read_text("utf-8")
    english, chinese = told(type_, body)
    assert english != chinese
    assert english != type_
    assert "%(" not in english + chinese


def variants(type_: str, field: str, values: tuple[str, ...]) -> set[str]:
    golden = json.loads((GOLDEN / f"event.{type_}.v1.json").read_text("utf-8"))
    return {told(type_, json.dumps(golden | {field: value}))[0] for value in values}


@pytest.mark.parametrize(
    ("type_", "field", "values"),
    [
        (
            "door.changed",
            "state",
            ("queued", "pulsing", "open", "closed", "failed_open", "bus_down"),
        ),
        (
            "grant.state_changed",
            "state",
            ("issued", "opening", "opened", "done", "expired", "revoked"),
        ),
        ("command.result", "state", ("delivered", "started", "succeeded", "failed", "expired")),
        ("keypad.level_changed", "level", ("normal", "step_up", "off")),
    ],
)
def test_each_state_has_its_own_words(type_: str, field: str, values: tuple[str, ...]) -> None:
    assert len(variants(type_, field, values)) == len(values)


def test_what_a_newer_or_broken_station_says_is_shown_by_its_type() -> None:
    assert told("oven.baked", "{}") == ("oven.baked", "oven.baked")
    assert told("door.changed", '{"state": 7}') == ("door.changed", "door.changed")


def test_a_zone_is_called_as_the_site_calls_it() -> None:
    body = (GOLDEN / "event.climate.over_limit.v1.json").read_text("utf-8")
    zone = json.loads(body)["zone"]
    english, _ = told("climate.over_limit", body, **{zone: "Milk corner"})
    assert "Milk corner" in english
    assert "Milk corner" not in told("climate.over_limit", body)[0]


def test_readings_come_out_of_a_block_and_of_nothing_else() -> None:
    body = (GOLDEN / "event.climate.block.v1.json").read_text("utf-8")
    block = json.loads(body)
    assert temperatures(stored("climate.block", body)) == (
        block["zone"], block["started_at_ms"], block["period_s"], tuple(block["temperatures_c"]),
    )  # fmt: skip
    assert temperatures(stored("door.changed", body)) is None
    for broken in ("{", "{}", "[]", '{"temperatures_c": null}'):
        assert temperatures(stored("climate.block", broken)) is None


def test_alarms_of_devices_are_told_by_what_they_are() -> None:
    roles = ("high_alarm", "low_alarm", "door_alarm", "probe_fault", "haccp", "no_power", "alarm")
    assert len(variants("instrument.alarm", "role", roles)) == len(roles)
    golden = json.loads((GOLDEN / "event.instrument.alarm.v1.json").read_text("utf-8"))
    over = told("instrument.alarm", json.dumps(golden | {"raised": False}))
    assert over == ("fridge no longer reports: too warm", "fridge：“温度过高”已解除")


def test_a_device_is_called_by_what_it_is_and_a_line_by_its_name() -> None:
    golden = json.loads((GOLDEN / "event.bus.state_changed.v1.json").read_text("utf-8"))
    said = {
        (name, up): told("bus.state_changed", json.dumps(golden | {"bus": name, "unit": None, "up": up}))
        for name in ("scanner", "locks") for up in (True, False)
    }  # fmt: skip
    assert said["scanner", True] == ("Scanner works again", "扫码器恢复正常")
    assert said["scanner", False] == ("Scanner does not answer", "扫码器没有应答")
    assert said["locks", True] == ("Line locks works again", "线路 locks 恢复正常")
