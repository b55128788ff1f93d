"""The verdict names everything that is not well, in both languages, and the report shows it."""

import pytest

from common.ui.i18n import Catalogue, Lang
from provisioning.record import (
    DoorCycles,
    Drawing,
    DrawnCabinet,
    DrawnDoor,
    DrawnZone,
    FoundUnit,
    LastTest,
    LearntProbe,
    OddChannel,
    ProbeSeen,
    Record,
)
from provisioning.report_page import render
from provisioning.tried import DeviceTried
from provisioning.verdict import WRONG, wrongs
from tests.provisioning.test_lines import door, line

EN, ZH = Catalogue().texts(Lang.EN), Catalogue().texts(Lang.ZH)
SOUND = ProbeSeen(zone="z", quality="good", temperature_c=4.1, humidity_pct=60.0, plausible=True)
FINE = Record(
    buses=(line(1, name="bus0"),),
    drawing=Drawing(
        cabinet=DrawnCabinet(id="c", name_zh="一号柜", name_en="Cabinet one"),
        zone=(DrawnZone(name="z", name_zh="冷藏", name_en="chilled"),),
        door=(DrawnDoor(label="A01", zone="z", size="M", column=0, row=0),),
    ),
    doors=(door("A01", "bus0", 1),),
    probes=(LearntProbe(zone="z", bus="bus1", unit=4, kind="xy_md02"),),
    tested=LastTest(
        at="2026-11-27T01:30:00+00:00", technician="李师傅", probes=(SOUND,),
        doors=(DoorCycles(label="A01", pulses=3, opened=3, shut=3, latencies_ms=(80, 60, 90)),),
    ),
)  # fmt: skip


def _tested(**changes: object) -> Record:
    assert FINE.tested is not None
    return FINE.with_(tested=FINE.tested.model_copy(update=changes))


def test_nothing_is_wrong_with_a_cabinet_that_did_everything() -> None:
    assert wrongs(FINE, EN) == ()
    page = render(FINE, ZH, "S", "ab" * 32).decode()
    for said in (
        "一切正常",
        "一号柜",
        "冷藏",
        "80, 90",
        "2026-11-27 09:30",
        "ab" * 32,
        "3 次中开 3 次",
    ):
        assert said in page
    assert "未签名" not in page


BROKEN = {
    "no_doors": FINE.with_(doors=()),
    "missing": FINE.with_(doors=()),
    "two_doors": FINE.with_(odd=(OddChannel(bus="bus0", unit=1, channel=7, why="two_doors"),)),
    "untested": _tested(doors=()),
    "doors": _tested(doors=(DoorCycles(label="A01", pulses=3, opened=3, shut=2),)),
    "probes": _tested(probes=(SOUND.model_copy(update={"plausible": False}),)),
    "no_probes": _tested(probes=()),
    "device": _tested(
        devices=(DeviceTried.of("printer", "bad", "printer_not_ready", detail="paper is low"),)
    ),
    "shared": FINE.with_(
        buses=(line(name="bus0").model_copy(update={"units": (FoundUnit(unit=1, shared=True),)}),)
    ),
}


@pytest.mark.parametrize("key", WRONG)
def test_what_is_wrong_is_named_where_it_is(key: str) -> None:
    record = BROKEN[key]
    assert key in [one.key for one in wrongs(record, EN)]
    for texts, verdict in ((EN, "Not everything is well"), (ZH, "有不正常之处")):
        page = render(record, texts, "S", None).decode()
        assert verdict in page
        for one in wrongs(record, texts):
            assert one.said(texts) in page


def test_an_unsigned_report_says_so() -> None:
    assert "NOT SIGNED" in render(FINE, EN, "–", None).decode()
