"""X.509 of a private authority: its own certificate, requests of stations, and what it signs; Ed25519 only.

Pure: keys and times in, PEM out. The authority's certificate follows from its key alone, so that a hub put back from a
backup of its secrets is the same authority, to the byte.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.kit.chance import Chance
from common.kit.errors import InvalidError

_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_FOR_EVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280, 4.1.2.5: no end is known
_BEFORE = timedelta(days=1)  # whoever looks with a clock a little behind finds it valid already
_SERIAL_BYTES = 16
_MOST_PEM_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a certificate or a request names, and with which key."""

    name: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Held(Holder):
    """A certificate as far as we go by it."""

    since: datetime
    until: datetime


class Authority:
    """Signs certificates with one key; its own certificate is the same whenever it is made."""

    def __init__(self, seed: bytes) -> None:
        """Be the authority of a 32-byte Ed25519 seed."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        print_of_key = hashlib.sha256(self._key.public_key().public_bytes_raw())
        self._name = _named(f"Linli hub {print_of_key.hexdigest()[:12]}")
        serial = int.from_bytes(print_of_key.digest()[:_SERIAL_BYTES]) >> 1
        certificate = (
            self._builder(self._name, self._key.public_key(), serial)
            .not_valid_before(_FROM)
            .not_valid_after(_FOR_EVER)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, None)
        )
        self.pem = certificate.public_bytes(Encoding.PEM).decode()
        self.fingerprint = fingerprint(self.pem)

    def for_station(self, holder: Holder, *, now: datetime, days: int, chance: Chance) -> str:
        """Return the certificate, as PEM, with which a station shows itself for `days`."""
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._sign(holder, purpose, now, timedelta(days=days), chance, None)

    def for_server(
        self, key: bytes, names: tuple[str, ...], *, now: datetime, days: int, chance: Chance
    ) -> str:
        """Return the certificate, as PEM, of the server that stations reach by one of `names`."""
        purpose, holder = ExtendedKeyUsageOID.SERVER_AUTH, Holder(names[0], key)
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        return self._sign(holder, purpose, now, timedelta(days=days), chance, alternatives)

    def _sign(
        self,
        holder: Holder,
        purpose: x509.ObjectIdentifier,
        now: datetime,
        life: timedelta,
        chance: Chance,
        names: x509.SubjectAlternativeName | None,
    ) -> str:
        key = Ed25519PublicKey.from_public_bytes(holder.public_key)
        serial = int.from_bytes(chance.secure.token_bytes(_SERIAL_BYTES)) >> 1
        builder = (
            self._builder(_named(holder.name), key, serial or 1)
            .not_valid_before(now - _BEFORE)
            .not_valid_after(now + life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, None).public_bytes(Encoding.PEM).decode()

    def _builder(
        self, subject: x509.Name, key: Ed25519PublicKey, serial: int
    ) -> x509.CertificateBuilder:
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(serial)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(own, critical=False)
        )


def make_request(name: str, seed: bytes) -> str:
    """Return a signing request (PKCS#10, PEM) for `name`, signed by the key it is for."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_named(name))
    signed = builder.sign(Ed25519PrivateKey.from_private_bytes(seed), None)
    return signed.public_bytes(Encoding.PEM).decode()


def read_request(pem: str) -> Holder:
    """Return who asks, with the key that signed; InvalidError `certificate.request` when it does not prove itself."""
    try:
        request = x509.load_pem_x509_csr(_short(pem))
        holder = _holder(request.subject, request.public_key())
        proven = request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature, x509.InvalidVersion) as error:
        said = f"this is no signing request of an Ed25519 key: {error}"
        raise InvalidError("certificate.request", said) from error
    if not proven:
        said = "the signing request is not signed by the key it is for"
        raise InvalidError("certificate.request", said)
    return holder


def read_certificate(found: bytes | str) -> Held:
    """Return what a certificate (DER, or PEM as text) says; InvalidError `certificate.damaged`.

    Nothing is verified: the handshake or the pinned authority did that.
    """
    try:
        loaded = _load(found)
        holder = _holder(loaded.subject, loaded.public_key())
    except (ValueError, TypeError) as error:
        said = f"this is no certificate of an Ed25519 key: {error}"
        raise InvalidError("certificate.damaged", said) from error
    since, until = loaded.not_valid_before_utc, loaded.not_valid_after_utc
    return Held(holder.name, holder.public_key, since, until)


def is_signed_by(pem: str, authority_pem: str) -> bool:
    """Return whether a certificate was signed by the authority; False for what is no certificate."""
    try:
        _load(pem).verify_directly_issued_by(_load(authority_pem))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def fingerprint(pem: str) -> str:
    """Return the SHA-256 of a certificate, hexadecimal, as `openssl x509 -fingerprint -sha256` computes it."""
    try:
        return hashlib.sha256(_load(pem).public_bytes(Encoding.DER)).hexdigest()
    except (ValueError, TypeError) as error:
        raise InvalidError("certificate.damaged", f"this is no certificate: {error}") from error


def key_pem(seed: bytes) -> bytes:
    """Return an Ed25519 seed as unencrypted PKCS#8, the way OpenSSL reads keys."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _load(found: bytes | str) -> x509.Certificate:
    if isinstance(found, str):
        return x509.load_pem_x509_certificate(_short(found))
    return x509.load_der_x509_certificate(found)


def _short(pem: str) -> bytes:
    if len(pem) > _MOST_PEM_CHARS:
        raise ValueError("longer than any of ours")
    return pem.encode()


def _holder(subject: x509.Name, key: object) -> Holder:
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError("the key is not Ed25519")
    (name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Holder(str(name.value), key.public_bytes_raw())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
