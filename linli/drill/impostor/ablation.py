"""Safeguards against impostors switched off from outside: the drill must notice each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cloud.stations.enrolment import Enrolment
from cloud.sync import certificates as at_hub
from common.kit import tls
from common.kit.certificates import Held
from edge.access import enrolment as at_device
from edge.sync import certificate as at_station
from linli.world.ablation import Patches, invites


def _fingerprint() -> Patches:
    return [(at_device, "_compare", lambda *_: None)]


def _chain() -> Patches:
    return [(at_device, "client_context", lambda _pem: tls.blind_context())]


def _pin() -> Patches:
    return [(at_station, "client_context", lambda _pem: tls.blind_context())]


def _binding() -> Patches:
    return [(at_hub, "is_of", lambda *_: True)]


def _shown() -> Patches:
    return [(at_hub.Certificates, "judge", lambda *_: None)]


def _ended() -> Patches:
    def endless(der: bytes) -> Held:
        held = read(der)
        return replace(held, until=held.until.replace(year=9999))

    read = at_hub._read  # noqa: SLF001 - a safeguard is replaced from outside
    return [(at_hub, "_read", endless)]


def _once() -> Patches:
    def opens(self: Any, invite: Any, key: bytes) -> bool:
        return bool(is_open(self, replace(invite, used_by=None), key))

    is_open = Enrolment._is_open  # noqa: SLF001
    return [(Enrolment, "_is_open", opens)]


def _minutes() -> Patches:
    def opens(self: Any, invite: Any, key: bytes) -> bool:
        return bool(is_open(self, replace(invite, expires_at_ms=2**60), key))

    is_open = Enrolment._is_open  # noqa: SLF001
    return [(Enrolment, "_is_open", opens)]


def _tries() -> Patches:
    return [(invites, "count_failure", lambda *_: None)]


ABLATIONS: dict[str, Callable[[], Patches]] = {
    "fingerprint": _fingerprint,
    "authority-of-the-server": _chain,
    "pin": _pin,
    "certificate-of-the-signer": _binding,
    "certificate-shown": _shown,
    "certificate-ended": _ended,
    "invitation-once": _once,
    "invitation-minutes": _minutes,
    "invitation-tries": _tries,
}
