"""What the desk reads about a station's probes: who compared them, when, and what is due."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cloud.stations.probes import Calibration, ProbeView
from cloud.web.probe_words import probe_lines
from cloud.web.session import LANG_COOKIE
from common.contract.calibration import ProbeHeld, StationProbes
from common.kit.clock import to_ms
from common.ui.i18n import Catalogue
from tests.cloud.harness import HubUnderTest, MovableClock
from tests.cloud.stations.test_probes import FIRST, OTHER, PROBE, compared
from tests.cloud.web.test_family import STATION_ID, ordered
from tests.cloud.web.test_guards import client_of
from tests.cloud.web.town import Reporter

NOW_MS = to_ms(datetime(2026, 11, 27, 9, tzinfo=UTC))
DAY_MS = 86_400_000
CATALOGUE = Catalogue()


def view(held_id: str | None = FIRST, **said: Any) -> ProbeView:
    made: dict[str, Any] = {
        "calibration_id": FIRST, "number": 1, "kind": "offset",
        "done_by": "张敏", "at_ms": NOW_MS - 10 * DAY_MS, "offset_k": -0.62, "reference_c": 0.0,
        "before_c": 0.62, "after_c": 0.01, "instrument": "Testo 110",
        "certificate_until": "2027-03-31", "due_at_ms": NOW_MS + 355 * DAY_MS, "reason": "",
    }  # fmt: skip
    return ProbeView(PROBE, "chilled", held_id, -0.62, Calibration(**made | said))


def tags(one: ProbeView) -> list[tuple[str, str]]:
    (english,) = probe_lines((one,), {}, NOW_MS, CATALOGUE.texts("en"))
    (chinese,) = probe_lines((one,), {}, NOW_MS, CATALOGUE.texts("zh-CN"))
    assert [kind for kind, _ in english.tags] == [kind for kind, _ in chinese.tags]
    for (_, word), (_, other) in zip(english.tags, chinese.tags, strict=True):
        assert word != other
    return list(english.tags)


@pytest.mark.parametrize(
    ("until", "kind"),
    [
        ("2026-11-26", "crit"),
        ("2026-11-27", "warn"),
        ("2026-12-27", "warn"),
        ("2026-12-28", "ok"),
        ("2026-02-30", "crit"),
        (None, ""),
    ],
)
def test_a_certificate_warns_before_it_ends(until: str | None, kind: str) -> None:
    ((seen, word),) = tags(view(certificate_until=until))
    assert seen == kind
    assert (until or "without") in word


@pytest.mark.parametrize(("days", "kind"), [(-1, "crit"), (0, "warn"), (30, "warn"), (31, None)])
def test_a_comparison_warns_before_it_is_due(days: int, kind: str | None) -> None:
    found = tags(view(due_at_ms=NOW_MS + days * DAY_MS))[1:]
    assert [seen for seen, _ in found] == ([] if kind is None else [kind])


def test_what_else_there_is_to_say() -> None:
    assert tags(view(held_id=None))[0][0] == "crit", "the station lost it"
    assert tags(ProbeView(PROBE, "chilled", None, 0.0, None)) == [
        ("", "never compared with a reference")
    ]
    assert tags(ProbeView(PROBE, "chilled", FIRST, 0.4, None))[0][0] == "warn"
    assert tags(view(kind="withdrawn", reason="new probe")) == [("", "counts as it measures")]


def test_the_day_is_the_one_at_the_station() -> None:
    """17:00 UTC is the next day in China: a certificate that ended the day before is over."""
    evening_ms = NOW_MS + 8 * 3_600_000
    (line,) = probe_lines(
        (view(certificate_until="2026-11-27"),), {}, evening_ms, CATALOGUE.texts("en")
    )
    assert line.tags[0][0] == "crit"


async def test_the_station_page_shows_it_in_both_languages(hub: HubUnderTest) -> None:
    await ordered(hub)
    page = f"/stations/{STATION_ID}"
    async with client_of(hub, "operator") as client:
        assert "站点还没有上报有哪些探头" in (await client.get(page)).text
        voice = Reporter(hub.hub.rooms, STATION_ID, MovableClock())
        known = ProbeHeld(probe=OTHER, zone="ambient", calibration_id=None, offset_k=0.0)
        await voice.say(5, StationProbes(probes=(known,)))
        await voice.say(4, compared(FIRST, 1, by="<b>张", certificate_until="2020-01-01"))
        chinese = (await client.get(page)).text
        for words in (
            "-0.50 K",
            "&lt;b&gt;张",
            "Testo 110",
            "证书已于 2020-01-01 到期",
            "从未与标准器比对",
        ):
            assert words in chinese
        client.cookies.set(LANG_COOKIE, "en")
        assert "certificate expired on 2020-01-01" in (await client.get(page)).text
        client.cookies.set(LANG_COOKIE, "zh-CN")
        lost = ProbeHeld(probe=PROBE, zone="chilled", calibration_id=None, offset_k=0.0)
        await voice.say(3, StationProbes(probes=(known, lost)))
        chinese = (await client.get(page)).text
        assert "站点已不再使用这个修正" in chinese
        assert "站点丢失了探头的修正" in chinese
