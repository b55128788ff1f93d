"""Damage and malice at the record: torn or made up, a disk that is full, names that steer a terminal."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kit.errors import ConfigError, UnavailableError
from common.ui.i18n import Catalogue, Lang
from provisioning.device_words import WORDS, said_of
from provisioning.record import MOST_RECORD_BYTES, FoundUnit, Record, load_record, save_record
from provisioning.talk import Talk
from provisioning.tried import DeviceTried
from tests.parts import ROOT
from tests.provisioning.full_disk import full_disk

pytestmark = pytest.mark.timeout(60)
GOOD = Record(is_drawn=True)


def whole_record() -> bytes:
    return GOOD.model_dump_json().encode()


RECORDS: dict[str, bytes] = {
    "empty": b"",
    "half": whole_record()[: len(whole_record()) // 2],
    "binary": bytes(range(256)),
    "no object": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "deep within": b'{"buses":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "newer": b'{"v": 2}',
    "wrong part": b'{"doors": [{"label": "A01"}]}',
    "no kind": whole_record().replace(b'"pulses":[]', b'"pulses":[{"bus":1}]'),
    "a pulse of a minute": json.dumps(
        {"doors": [{
            "label": "A01", "bus": "b", "unit": 1, "kind": "waveshare_8ch_d", "channel": 0,
            "sensor_unit": 1, "sensor_kind": "waveshare_8ch_d", "sensor_channel": 0,
            "open_level": 1, "pulse_ms": 60_000, "latency_ms": 1, "at": "",
        }]}
    ).encode(),
    "a unit of 10**30": b'{"buses": [{"name": "b", "port": "p", "baud": 9600, "protocol": "modbus",'
    b' "units": [{"unit": 1000000000000000000000000000000}]}]}',
    "no temperature": b'{"drawing": {"zone": [{"name": "z", "name_zh": "z", "name_en": "z",'
    b' "set_point_c": NaN}]}}',
    "too large": b" " * (MOST_RECORD_BYTES + 1),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_a_damaged_record_is_refused_and_stays_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / "provision.json"
    path.write_bytes(RECORDS[name])
    with pytest.raises(ConfigError, match="move it away") as caught:
        load_record(tmp_path)
    assert caught.value.key == "provision.record"
    assert len(caught.value.detail) < 400
    assert "请移走它" in Catalogue().texts(Lang.ZH).say(caught.value.detail)
    assert path.read_bytes() == RECORDS[name]


@settings(max_examples=60)
@given(at=st.integers(0, 10_000), change=st.binary(min_size=0, max_size=4))
def test_a_record_with_any_bytes_changed_is_read_or_refused(at: int, change: bytes) -> None:
    whole = whole_record()
    place = at % len(whole)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "provision.json").write_bytes(whole[:place] + change + whole[place + 1 :])
        with suppress(ConfigError):  # anything else is a defect
            assert isinstance(load_record(folder), Record)


def test_a_folder_or_a_pipe_in_its_place_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "provision.json").mkdir()
    with pytest.raises(ConfigError):
        load_record(tmp_path)
    (tmp_path / "provision.json").rmdir()
    os.mkfifo(tmp_path / "provision.json")
    with pytest.raises(ConfigError):
        load_record(tmp_path)


def test_what_an_interrupted_save_left_is_not_looked_at(tmp_path: Path) -> None:
    save_record(tmp_path, GOOD)
    (tmp_path / "provision.json.part").write_bytes(b'{"v": 1, "doors": [{')
    assert load_record(tmp_path) == GOOD
    save_record(tmp_path, Record())
    assert load_record(tmp_path) == Record()


def test_a_name_that_steers_the_terminal_does_not(tmp_path: Path) -> None:
    out = StringIO()
    talk = Talk(Catalogue().texts(Lang.EN), out=out, answers=_paper(tmp_path))
    evil = "A01\x1b]0;owned\x07\x9b2J\u202e"
    talk.tell("board_gone", "%(label)s: its board is gone; scan again", label=evil)
    talk.raw(evil)
    asyncio.run(talk.ask("shut_door", "Now shut %(label)s by hand, then press Enter.", label=evil))
    assert not set("\x1b\x07\x9b\u202e") & set(out.getvalue())
    assert "门" not in out.getvalue()


def _paper(folder: Path) -> Path:
    (folder / "answers").write_text("\n", "utf-8")
    return folder / "answers"


@pytest.mark.parametrize("why", sorted(WORDS))
def test_a_result_without_its_figures_is_still_said(why: Any) -> None:
    tried = DeviceTried.of("scale", "bad", why)
    for lang in Lang:
        assert "%(" not in said_of(Catalogue().texts(lang), tried)


def test_a_full_disk_loses_no_step_before(tmp_path: Path) -> None:
    save_record(tmp_path, GOOD)
    units = tuple(FoundUnit(unit=n, seen="x" * 100) for n in range(100))
    large = Record.model_validate(
        {"buses": [{"name": "b", "port": "p", "baud": 9600, "protocol": "modbus", "units": units}]}
    )
    with full_disk(4096), pytest.raises(UnavailableError, match="Make room") as caught:
        save_record(tmp_path, large)
    assert caught.value.key == "provision.unwritable"
    assert "请腾出空间" in Catalogue().texts(Lang.ZH).say(caught.value.detail)
    assert load_record(tmp_path) == GOOD
    assert [path.name for path in tmp_path.iterdir()] == ["provision.json"], "its half gives room"
    save_record(tmp_path, large)
    assert load_record(tmp_path) == large


def test_the_command_on_a_full_disk_says_so_and_keeps_what_was_known(tmp_path: Path) -> None:
    """The real program, whose files may not grow: no trace of Python, exit code 3."""
    save_record(tmp_path, GOOD)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "from linli.cli import main; sys.argv = ['linli', *sys.argv[1:]]; main()"
    )
    words = ("provision", "learn", "--cabinet", str(ROOT / "cabinets/yangguangli-3.toml"))
    (tmp_path / "provision.json").write_bytes(
        Record.model_validate(
            {"buses": [{"name": "b", "port": "/dev/null/x", "baud": 9600, "protocol": "modbus"}]}
        ).model_dump_json().encode()
    )  # fmt: skip
    before = (tmp_path / "provision.json").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--data", str(tmp_path), "--lang", "zh"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "写不进去" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "provision.json").read_bytes() == before
