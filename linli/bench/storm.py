"""Stations that post whole batches, all work done before the clock runs: chained, packed, signed, then only sent."""

import asyncio
import gzip
from dataclasses import dataclass

import aiohttp

from common.contract import protocol
from common.contract.chain import Link, next_link
from common.contract.digest import EMPTY
from common.contract.words import Lane
from common.kit.chance import system_chance
from common.kit.clock import SystemClock, to_ms
from common.kit.identity import StationSecrets, new_private_key, public_key
from common.kit.ids import new_id
from edge.sync.client import HubClient
from linli.bench.rooms import fact

_TIMEOUT_S = 60.0


@dataclass(slots=True)
class _Head:
    seq: int
    place: protocol.Position


class StormStation:
    """One station's lane, told batch by batch."""

    def __init__(self) -> None:
        """Make its key."""
        self.clock, self.chance = SystemClock(), system_chance()
        station_id = new_id(self.clock, self.chance)
        key = new_private_key(self.chance)
        self.secrets = StationSecrets(station_id, key, bytes(32), bytes(16), bytes(32))
        self._head = _Head(0, protocol.START)
        self._client: HubClient | None = None

    @property
    def public_key(self) -> bytes:
        """Return what the hub knows it by."""
        return public_key(self.secrets.private_key)

    async def greet(self, http: aiohttp.ClientSession, url: str) -> None:
        """Say hello to the hub at `url`."""
        client = HubClient(http, url, self.secrets, self.clock, self.chance, _TIMEOUT_S)
        hello = protocol.Hello(
            install_id=new_id(self.clock, self.chance),
            hello_id=new_id(self.clock, self.chance),
            session=0,
            boot_epoch=1,
            gen=1,
            op=0,
            digest=EMPTY.hex(),
            app_version="bench",
            backlog_facts=0,
            backlog_telemetry=0,
            clock_offset_ms=0,
        )
        answer = await client.post(protocol.HELLO_PATH, hello, protocol.HelloAnswer)
        client.session = answer.session
        self._client = client

    def request(self, kind: str, events: int) -> bytes:
        """Return the bytes of the next POST: `events` facts of type `kind`, signed now."""
        assert self._client is not None
        body = self._batch(kind, events).model_dump_json().encode()
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        headers = self._client.headers("POST", protocol.EVENTS_PATH, body)
        headers |= {
            "Host": "127.0.0.1",
            "Content-Encoding": "gzip",
            "Content-Length": str(len(packed)),
            "X-Station": self.secrets.station_id,
        }
        lines = [f"POST {protocol.EVENTS_PATH} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join((*lines, "", "")).encode() + packed

    def _batch(self, kind: str, count: int) -> protocol.EventsBatch:
        after, now_ms = self._head.place, to_ms(self.clock.wall())
        chain = bytes.fromhex(after.chain)
        told = []
        for seq in range(after.seq + 1, after.seq + count + 1):
            text = fact(seq).model_dump_json()
            told.append(
                protocol.WireEvent(
                    boot_epoch=1, seq=seq, occurred_at_ms=now_ms, type=kind, body=text
                )
            )
            link = Link(self.secrets.station_id, Lane.FACTS, 1, seq, now_ms, kind, 1, text)
            chain = next_link(chain, link)
        end = protocol.Position(boot_epoch=1, seq=after.seq + count, chain=chain.hex())
        self._head = _Head(end.seq, end)
        return protocol.EventsBatch(
            lane=Lane.FACTS, after=after, events=tuple(told), chain=end.chain
        )


async def send(port: int, requests: list[bytes]) -> None:
    """Send `requests` one after the other over one connection; every answer must be 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for request in requests:
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            status = head.split(b" ", 2)[1]
            lines = head.lower().split(b"\r\n")
            length = next(int(one[15:]) for one in lines if one.startswith(b"content-length:"))
            answer = await reader.readexactly(length)
            if status != b"200":
                raise RuntimeError(f"{status.decode()}: {answer[:200].decode(errors='replace')}")
    finally:
        writer.close()
        await writer.wait_closed()
