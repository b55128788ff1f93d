"""Pairing with a hub over the network, and pinning its authority; for the command line, blocking.

What makes the hub believed is the fingerprint, which a person carries: it is compared before anything else is said.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import ValidationError

from common.contract.base import Message
from common.contract.enrolment import CA_PATH, ENROL_PATH, Enrol, Enrolled
from common.contract.protocol import Problem
from common.kit.certificates import fingerprint, make_request
from common.kit.chance import Chance
from common.kit.durable import write_whole
from common.kit.errors import ConflictError, InvalidError, UnavailableError
from common.kit.identity import StationSecrets
from common.kit.said import Said
from common.kit.tls import blind_context, client_context
from edge.access import pairing
from edge.data_folder import CA_FILE, CERTIFICATE_FILE

M = TypeVar("M", bound=Message)
_TIMEOUT_S = 15.0
_FINGERPRINT_CHARS = 64


@dataclass(frozen=True, slots=True)
class Token:
    """What `linli hub invite` printed."""

    station_id: str
    secret: str
    fingerprint: str

    @classmethod
    def read(cls, text: str) -> "Token":
        """Return the parts; InvalidError `pairing.token`."""
        parts = text.strip().split(".")
        if len(parts) != 3 or len(parts[2]) != _FINGERPRINT_CHARS:
            said = Said(
                "this is no token of `linli hub invite`: it has three parts with dots between"
            )
            raise InvalidError("pairing.token", said)
        return cls(*parts)


def trust(data: Path, url: str, wanted: str) -> None:
    """Pin the authority of the hub at `url`, if its SHA-256 is `wanted`.

    Errors: InvalidError (address, fingerprint), UnavailableError (nobody answers), ConflictError `pairing.wrong_hub`.
    """
    wanted = wanted.replace(":", "").strip().lower()
    if not url.startswith("https://") or len(wanted) != _FINGERPRINT_CHARS:
        said = Said(
            "give the hub's https:// address and the 64 digits of `linli hub ca --fingerprint`"
        )
        raise InvalidError("pairing.usage", said)
    authority = _ask(blind_context(), "GET", url + CA_PATH).text
    _compare(authority, wanted, url)
    # The authority is no secret, anybody can pass it on: who answers must hold its key as well.
    _ask(client_context(authority), "GET", f"{url}/healthz")
    data.mkdir(parents=True, exist_ok=True)
    pairing.pin(data, authority)


def enrol(data: Path, url: str, token: Token, chance: Chance) -> StationSecrets:
    """Pair this device over the network; asking again after a lost answer is the same pairing.

    Errors: those of `trust`, and RefusedError-like ones of the hub as UnavailableError with its words.
    """
    trust(data, url, token.fingerprint)
    pairing.begin(data, token.station_id, chance)
    seed = pairing.private_key(data)
    authority = (data / CA_FILE).read_text("ascii")
    asked = Enrol(secret=token.secret, csr=make_request(token.station_id, seed))
    answer = _ask(
        client_context(authority), "POST", url + ENROL_PATH, asked.model_dump_json().encode()
    )
    papers = _read(Enrolled, answer)
    secrets = StationSecrets(
        token.station_id,
        seed,
        bytes.fromhex(papers.pepper),
        bytes.fromhex(papers.code_salt),
        bytes.fromhex(papers.hub_command_key),
    )
    write_whole(data / CERTIFICATE_FILE, papers.certificate.encode())
    return pairing.complete(data, secrets)


def _compare(authority: str, wanted: str, url: str) -> None:
    try:
        found = fingerprint(authority)
    except InvalidError as error:
        said = Said("%(url)s is no TLS port of a hub: it shows no authority", url=url)
        raise UnavailableError("pairing.no_hub", said) from error
    if found != wanted:
        said = Said(
            "who answers at %(url)s shows the authority %(found)s, not %(wanted)s: somebody stands between"
            " this station and its hub, or this is another hub. Nothing was sent",
            url=url, found=found, wanted=wanted,
        )  # fmt: skip
        raise ConflictError("pairing.wrong_hub", said)


def _ask(
    context: ssl.SSLContext, method: str, url: str, body: bytes | None = None
) -> httpx.Response:
    try:
        with httpx.Client(verify=context, trust_env=False, timeout=_TIMEOUT_S) as client:
            headers = {"Content-Type": "application/json"} if body else {}
            answer = client.request(method, url, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        nobody = Said("no hub answers at %(url)s: %(cause)s", url=url, cause=str(error))
        raise UnavailableError("pairing.no_hub", nobody) from error
    if answer.status_code != httpx.codes.OK:
        problem = _read(Problem, answer) if answer.content.startswith(b"{") else Problem()
        said = Said(
            "%(url)s answers %(status)s %(key)s: %(detail)s",
            url=url, status=answer.status_code, key=problem.key, detail=problem.detail,
        )  # fmt: skip
        raise UnavailableError("pairing.refused", said)
    return answer


def _read(model: type[M], answer: httpx.Response) -> M:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        text = "the answer of %(url)s cannot be read: is it a hub of this release?"
        said = Said(text, url=str(answer.url))
        raise UnavailableError("pairing.no_hub", said) from error
