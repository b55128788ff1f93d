"""A station for the fuzz: signs every request as the edge does, so that the gateway reads what it says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from common.contract import protocol
from common.contract.digest import EMPTY
from common.contract.events import EVENT_TYPES
from common.contract.words import Lane
from common.kit.identity import (
    NONCE_HEADER,
    SIGNATURE_HEADER,
    STATION_HEADER,
    TIME_HEADER,
    request_message,
    sign,
)
from tests.cloud.sync.stories import batch

KEY = bytes(range(32))
INSTALL_ID = "01K0FAZZED000000000000000A"


@dataclass(slots=True)
class FuzzedStation(requests.auth.AuthBase):
    """Signs as `station_id`; honest, it says the session it was given, else whatever the fuzz made up."""

    url: str
    station_id: str
    time_ms: int
    numbers: "count[int]" = field(default_factory=count)
    honest: bool = True
    session: int = 0
    gen: int = 0
    after: protocol.Position = protocol.START

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        assert isinstance(body, str | bytes)
        nonce = f"nonce{next(self.numbers):08d}"
        message = request_message(
            method=request.method or "", path_qs=request.path_url, time_ms=self.time_ms,
            nonce=nonce, station_id=self.station_id,
            body=body.encode() if isinstance(body, str) else body,
        )  # fmt: skip
        request.headers[protocol.PROTO_HEADER] = protocol.PROTO
        request.headers[STATION_HEADER] = self.station_id
        request.headers[TIME_HEADER] = str(self.time_ms)
        request.headers[NONCE_HEADER] = nonce
        request.headers[SIGNATURE_HEADER] = sign(KEY, message).hex()
        if self.honest:
            request.headers[protocol.SESSION_HEADER] = str(self.session)
        return request

    def greet(self) -> None:
        """Get a session, so that the requests behind it are heard."""
        hello = protocol.Hello(
            install_id=INSTALL_ID, hello_id=INSTALL_ID, session=self.session, boot_epoch=1, gen=0,
            op=0, digest=EMPTY.hex(), app_version="fuzz", backlog_facts=0, backlog_telemetry=0,
            clock_offset_ms=0,
        )  # fmt: skip
        answer = requests.post(
            self.url + protocol.HELLO_PATH, data=hello.model_dump_json().encode(), auth=self,
            headers={"Content-Type": "application/json"}, timeout=10,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        self.heard(protocol.HELLO_PATH, answer.content)

    def heard(self, path: str, answer: bytes) -> None:
        """Learn from a good answer what the next request has to say."""
        if path == protocol.HELLO_PATH:
            said = protocol.HelloAnswer.model_validate_json(answer)
            self.session, self.gen = said.session, said.gen
            self.after = said.acked.facts
        elif path == protocol.EVENTS_PATH:
            self.after = protocol.EventsAck.model_validate_json(answer).acked

    def make_honest(self, case: Any) -> None:
        """Keep what the fuzz made up, but say it as the station that was greeted."""
        if "gen" in (case.query or {}):
            known = {"gen": self.gen, "after": 0, "digest": EMPTY.hex(), "as_of": None}
            case.query |= {name: known[name] for name in known if name in case.query}
            if case.query.get("as_of", 0) is None:
                del case.query["as_of"]
        elif case.path == protocol.HELLO_PATH:
            session = max(case.body["session"], self.session)
            case.body |= {"install_id": INSTALL_ID, "session": session}
        elif case.path == protocol.EVENTS_PATH:
            case.body = self._story(case.body["events"]).model_dump(mode="json")
        elif case.path.startswith(protocol.BLOBS_PATH):
            whole = case.body if isinstance(case.body, bytes) and case.body else b"a photo"
            case.body = whole
            case.path_parameters["digest"] = protocol.blob_digest(whole)
            case.headers["Content-Range"] = f"bytes 0-{len(whole) - 1}/{len(whole)}"

    def _story(self, made_up: Sequence[dict[str, Any]]) -> protocol.EventsBatch:
        """Chain made-up events behind the last ones, under the names of known types."""
        names = sorted(EVENT_TYPES)
        events = [
            protocol.WireEvent.model_validate(
                one
                | {
                    "boot_epoch": max(self.after.boot_epoch, 1),
                    "seq": self.after.seq + at,
                    "type": names[(self.after.seq + at) % len(names)],
                },
                strict=False,  # to JSON Schema, 2.0 is an integer
            )
            for at, one in enumerate(made_up, start=1)
        ]
        return batch(events, self.after, lane=Lane.FACTS, station_id=self.station_id)
