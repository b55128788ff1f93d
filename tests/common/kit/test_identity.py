"""Station keys and the secrets file."""

import stat
from pathlib import Path

import pytest

from common.kit.chance import seeded_chance
from common.kit.errors import ConfigError
from common.kit.identity import (
    StationSecrets,
    new_private_key,
    public_key,
    request_message,
    sign,
    verify,
)

KEY = new_private_key(seeded_chance("identity"))


def test_only_the_holder_signs() -> None:
    message = request_message(
        method="POST", path_qs="/sync/v1/events", time_ms=1, nonce="n", station_id="S", body=b"{}"
    )
    signature = sign(KEY, message)
    assert verify(public_key(KEY), message, signature)
    assert not verify(public_key(KEY), message + b" ", signature)
    assert not verify(public_key(bytes(32)), message, signature)
    assert not verify(b"short", message, signature)


def test_every_part_of_a_request_is_signed() -> None:
    base = {
        "method": "GET", "path_qs": "/a?b=1", "time_ms": 1, "nonce": "n", "station_id": "S", "body": b"",
    }  # fmt: skip
    variants = [
        base,
        {**base, "method": "POST"},
        {**base, "path_qs": "/a?b=2"},
        {**base, "time_ms": 2},
        {**base, "nonce": "m"},
        {**base, "station_id": "T"},
        {**base, "body": b"x"},
    ]
    assert len({request_message(**v) for v in variants}) == len(variants)  # type: ignore[arg-type]


def test_secrets_survive_and_nobody_else_reads_them(tmp_path: Path) -> None:
    subject = StationSecrets("S", KEY, b"p" * 32, b"s" * 16, b"k" * 32)
    path = tmp_path / "deep" / "secrets.json"
    subject.save(path)
    assert StationSecrets.load(path) == subject
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", [None, "", "{}", '{"station_id": "S"}', "[]"])
def test_a_missing_or_damaged_file_says_what_to_do(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "secrets.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match="pair"):
        StationSecrets.load(path)
