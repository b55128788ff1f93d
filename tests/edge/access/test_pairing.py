"""Pairing: the key is made once and stays; an answer that does not fit changes nothing, and says where it is wrong."""

import json
import stat
from pathlib import Path

import pytest

from common.kit.certificates import Authority
from common.kit.chance import seeded_chance
from common.kit.errors import ConfigError, ConflictError, InvalidError
from common.kit.identity import StationSecrets, public_key
from edge.access import pairing

STATION = "01JABCDEFGHJKMNPQRSTVWXYZ0"
OTHER = "01JABCDEFGHJKMNPQRSTVWXYZ1"


def begin(data: Path, station_id: str = STATION, seed: str = "one") -> bytes:
    return pairing.begin(data, station_id, seeded_chance(seed))


def answer(path: Path, **changes: object) -> Path:
    record: dict[str, object] = {
        "station_id": STATION, "pepper": "11" * 32, "code_salt": "22" * 16,
        "hub_command_key": "33" * 32,
    }  # fmt: skip
    path.write_text(json.dumps({k: v for k, v in (record | changes).items() if v is not None}))
    return path


def test_the_key_is_made_once_for_one_station_and_read_by_nobody_else(tmp_path: Path) -> None:
    data = tmp_path / "deep/data"
    first = begin(data)
    assert len(first) == 32
    assert begin(data, seed="two") == first
    (kept,) = data.iterdir()
    assert kept.name == "pairing.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with pytest.raises(ConflictError) as foreign:
        begin(data, OTHER)
    assert foreign.value.key == "pairing.foreign"
    assert f"belongs to station {STATION}, not {OTHER}" in str(foreign.value)


@pytest.mark.parametrize("wrong", ["", "station-3", STATION[:-1], STATION + "0", STATION.lower()])
def test_what_is_no_station_id_makes_no_key(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(InvalidError) as refused:
        begin(tmp_path, wrong)
    assert refused.value.key == "pairing.usage"
    assert repr(wrong) in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_answer_completes_the_secrets_with_the_key_made_here(tmp_path: Path) -> None:
    data = tmp_path / "data"
    public = begin(data)
    secrets = pairing.accept(data, answer(tmp_path / "answer.json"))
    assert public_key(secrets.private_key) == public
    assert (secrets.pepper, secrets.code_salt) == (b"\x11" * 32, b"\x22" * 16)
    assert secrets.hub_command_key == b"\x33" * 32
    assert [file.name for file in data.iterdir()] == ["secrets.json"]
    assert StationSecrets.load(data / "secrets.json") == secrets
    assert begin(data) == public
    with pytest.raises(ConflictError):
        begin(data, OTHER)


def test_a_paired_station_takes_a_new_answer_and_keeps_its_key(tmp_path: Path) -> None:
    begin(tmp_path / "data")
    first = pairing.accept(tmp_path / "data", answer(tmp_path / "a.json"))
    anew = answer(tmp_path / "b.json", hub_command_key="44" * 32)
    second = pairing.accept(tmp_path / "data", anew)
    assert (second.private_key, second.hub_command_key) == (first.private_key, b"\x44" * 32)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pepper": None}, "is not a pairing file"),
        ({"station_id": None}, "is not a pairing file"),
        ({"pepper": "no hex"}, "is not a pairing file"),
        ({"code_salt": 7}, "is not a pairing file"),
        ({"pepper": "11" * 31}, "wrong length"),
        ({"code_salt": "22" * 17}, "wrong length"),
        ({"hub_command_key": ""}, "wrong length"),
    ],
)
def test_an_answer_that_does_not_fit_is_no_answer(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    data = tmp_path / "data"
    public = begin(data)
    with pytest.raises(ConfigError, match=said) as damaged:
        pairing.accept(data, answer(tmp_path / "answer.json", **changes))
    assert damaged.value.key == "pairing.damaged"
    assert str(tmp_path / "answer.json") in str(damaged.value)
    assert [file.name for file in data.iterdir()] == ["pairing.json"]
    assert begin(data) == public


def test_an_answer_for_another_station_or_before_the_first_step_is_refused(tmp_path: Path) -> None:
    good = answer(tmp_path / "answer.json")
    with pytest.raises(ConfigError) as early:
        pairing.accept(tmp_path / "data", good)
    assert early.value.key == "pairing.not_begun"
    assert "linli edge init --station-id" in str(early.value)
    with pytest.raises(ConfigError):
        pairing.accept(tmp_path / "data", tmp_path / "nothing.json")
    begin(tmp_path / "data", OTHER)
    with pytest.raises(ConflictError) as foreign:
        pairing.accept(tmp_path / "data", good)
    assert foreign.value.key == "pairing.foreign"
    assert not (tmp_path / "data/secrets.json").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"station_id": 1}', '{"private_key": "zz"}'])
def test_a_damaged_key_file_is_said_and_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "pairing.json").write_text(text)
    for step in (
        lambda: begin(tmp_path),
        lambda: pairing.accept(tmp_path, answer(tmp_path / "answer.json")),
    ):
        with pytest.raises(ConfigError) as damaged:
            step()
        assert damaged.value.key == "pairing.damaged"
        assert "pairing.json" in str(damaged.value)
    assert (tmp_path / "pairing.json").read_text() == text


def test_an_answer_with_the_hubs_authority_pins_it(tmp_path: Path) -> None:
    data, authority = tmp_path / "data", Authority(bytes(32)).pem
    begin(data)
    with pytest.raises(ConfigError) as damaged:
        pairing.accept(data, answer(tmp_path / "answer.json", hub_ca="no certificate"))
    assert damaged.value.key == "pairing.damaged"
    assert "the hub's authority" in str(damaged.value)
    assert [file.name for file in data.iterdir()] == ["pairing.json"]
    pairing.accept(data, answer(tmp_path / "answer.json", hub_ca=authority))
    assert (data / "hub-ca.pem").read_text() == authority
