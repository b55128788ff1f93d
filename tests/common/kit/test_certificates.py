"""The private authority's X.509: deterministic, Ed25519 only, and what is no certificate is said to be none."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from common.kit.certificates import (
    Authority,
    Holder,
    fingerprint,
    is_signed_by,
    make_request,
    read_certificate,
    read_request,
)
from common.kit.chance import seeded_chance
from common.kit.errors import InvalidError
from common.kit.identity import public_key

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STATION = "01K0YANGGVANG0000000000003"
SEED = bytes(range(32))
KEY = bytes(range(7, 39))


def station_certificate(subject: Authority, days: int = 30) -> str:
    holder = Holder(STATION, public_key(KEY))
    return subject.for_station(holder, now=NOW, days=days, chance=seeded_chance("cert"))


def test_the_same_key_is_the_same_authority_to_the_byte() -> None:
    assert Authority(SEED).pem == Authority(SEED).pem
    assert Authority(SEED).fingerprint != Authority(bytes(32)).fingerprint


def test_openssl_computes_the_same_fingerprint_and_believes_what_is_signed(tmp_path: Path) -> None:
    subject = Authority(SEED)
    ca, station = tmp_path / "ca.pem", tmp_path / "station.pem"
    ca.write_text(subject.pem)
    station.write_text(station_certificate(subject, days=36_500))

    def openssl(*words: str) -> str:
        done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=True)
        return done.stdout

    said = openssl("x509", "-in", str(ca), "-noout", "-fingerprint", "-sha256")
    assert said.partition("=")[2].strip().replace(":", "").lower() == subject.fingerprint
    strict = ("-x509_strict", "-purpose", "sslclient", "-no_check_time")
    assert "OK" in openssl("verify", *strict, "-CAfile", str(ca), str(station))


def test_a_certificate_says_whose_it_is_and_until_when() -> None:
    subject = Authority(SEED)
    pem = station_certificate(subject)
    held = read_certificate(pem)
    assert (held.name, held.public_key) == (STATION, public_key(KEY))
    assert held.until == NOW + timedelta(days=30)
    assert is_signed_by(pem, subject.pem)
    assert not is_signed_by(pem, Authority(bytes(32)).pem)
    assert not is_signed_by("no certificate", subject.pem)


def test_a_request_proves_its_key() -> None:
    pem = make_request(STATION, KEY)
    assert read_request(pem) == Holder(STATION, public_key(KEY))


def _tampered(pem: str) -> str:
    """Turn one bit of the signature."""
    lines = pem.strip().splitlines()
    last = lines[-2]
    lines[-2] = ("B" if last[0] == "A" else "A") + last[1:]
    return "\n".join(lines) + "\n"


def _elliptic() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, STATION)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    "pem", ["", "hello", _tampered(make_request(STATION, KEY)), _elliptic(), "A" * 5000]
)
def test_what_is_no_request_is_said_to_be_none(pem: str) -> None:
    with pytest.raises(InvalidError) as told:
        read_request(pem)
    assert told.value.key == "certificate.request"


@pytest.mark.parametrize("found", ["", b"", b"\x30\x03\x02\x01\x00", make_request(STATION, KEY)])
def test_what_is_no_certificate_is_said_to_be_none(found: bytes | str) -> None:
    with pytest.raises(InvalidError) as told:
        read_certificate(found)
    assert told.value.key == "certificate.damaged"
    with pytest.raises(InvalidError):
        fingerprint("not even PEM")
