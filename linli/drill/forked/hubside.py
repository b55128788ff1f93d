"""The hub of a run: forked, real HTTP and real SQLite, its time the time of whoever asks."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import aiohttp

from cloud.app import Hub, build_hub
from cloud.sync import Certificates, hub_authority
from common.kit.certificates import Holder
from common.kit.chance import seeded_chance
from common.kit.identity import public_key
from linli.drill.forked.arms import Arm, Passed
from linli.drill.forked.ground import Ground
from linli.drill.forked.pipe import Child, DiedError, PipeEnd
from linli.world.clock import WorldClock
from linli.world.loop import VirtualLoop, run_virtual
from linli.world.town import HUB_HOST, PORTS

_STARTS = 4
_INVITED_MINUTES = 15
_IDLE_S = 600.0
"""A hub that has waited longer is started instead: to let it live days of waiting takes longer."""
PAIR = "PAIR"
"""The method of what is no request but a command on the hub's machine: `linli hub pair`."""
INVITE = "INVITE"
"""Another one: `linli hub invite`."""
REDEEM = "REDEEM"
"""What stations ask at their TLS port, which a forked hub does not have: a station redeems an invitation."""


@dataclass(frozen=True, slots=True)
class Request:
    """As much of an HTTP request as travels."""

    method: str
    path_qs: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, and at which of the hub's seconds."""

    at_s: float
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Passings:
    """The failpoints that a life has passed."""

    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Dying:
    """The last word before a kill."""

    name: str


class ForkedHub:
    """Started anew whenever it was killed; each start with the next arm."""

    def __init__(
        self, ground: Ground, seed: int, arms: tuple[Arm, ...], booted: "BootedHub | None" = None
    ) -> None:
        """Nothing runs yet; the first life may go on from `booted`."""
        self._booted = booted
        self._ground, self._seed, self._arms = ground, seed, list(arms)
        self._child: Child | None = None
        self._lives = 0
        self.deaths: list[str] = []

    def ask(self, at_s: float, request: Request) -> Response | None:
        """Return the hub's answer; None when it died over it."""
        try:
            child = self._up(at_s)
            child.say((at_s, request))
            answer = self._heard(child)
        except DiedError:
            self._died()
            return None
        assert isinstance(answer, Response)
        return answer

    def passings(self) -> Mapping[str, int]:
        """Return the failpoints passed in this life."""
        if self._child is None:
            return {}
        try:
            self._child.say(Passings({}))
            found = self._heard(self._child)
        except DiedError:
            self._died()
            return {}
        assert isinstance(found, Passings)
        return found.counts

    def end(self) -> None:
        """Switch it off as power does."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _up(self, at_s: float) -> Child:
        for _ in range(_STARTS):
            if self._child is not None:
                return self._child
            arm = self._arms.pop(0) if self._arms else None
            self._lives += 1
            booted, self._booted = self._booted, None
            if booted is not None and at_s - booted.at_s > _IDLE_S:
                booted = None
            main = partial(_run, self._ground, self._seed, self._lives, at_s, arm, booted)
            self._child = Child(main)
            try:
                self._heard(self._child)  # ready
            except DiedError:
                self._died()
        assert self._child is not None, "the hub does not start"
        return self._child

    def _heard(self, child: Child) -> object:
        """Return its answer; note where it dies."""
        found = child.hear()
        while isinstance(found, Dying):
            self.deaths.append(found.name)
            found = child.hear()
        return found

    def _died(self) -> None:
        assert self._child is not None
        if not self._child.end():
            raise RuntimeError("the hub ended by itself")
        self._child = None


class BootedHub:
    """A hub that has come up in the parent and waits: a run's first life is forked from it, as a hub that runs already.

    Its loop is the simulated world's, without descriptor or thread, and its database is closed: so it may be forked.
    """

    def __init__(self, ground: Ground, image: str) -> None:
        """Come up on an image's files."""
        ground.lay_out(image, None)
        self._loop, self._ground = VirtualLoop(0), ground
        self.at_s = ground.images[image].at_s
        asyncio.set_event_loop(self._loop)
        self._hub = self._loop.run_until_complete(_up(self._loop, ground, "booted", self.at_s))
        asyncio.set_event_loop(None)
        ground.hub_db().close()

    def live(self, seed: int, at_s: float, passed: Passed, pipe: PipeEnd) -> None:
        """Go on in the child."""
        self._loop.rng.seed(f"loop|{seed}")
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            _serve(self._loop, self._hub, self._ground, at_s, passed, pipe)
        )


def _run(
    ground: Ground, seed: int, life: int, at_s: float, arm: Arm | None,
    booted: BootedHub | None, pipe: PipeEnd,
) -> None:  # fmt: skip
    passed = Passed(arm, lambda name: pipe.send(Dying(name)))
    if booted is not None:
        booted.live(seed, at_s, passed, pipe)
        return

    async def main(loop: VirtualLoop) -> None:
        hub = await _up(loop, ground, f"{seed}|hub|{life}", at_s)
        await _serve(loop, hub, ground, at_s, passed, pipe)

    run_virtual(seed, main)


async def _up(
    loop: VirtualLoop, ground: Ground, stream: str, at_s: float
) -> tuple[Hub, "asyncio.Task[None]"]:
    await asyncio.sleep(at_s)
    ports = ground.hub_ports(WorldClock(loop, boot_id="hub"), seeded_chance(stream))
    hub = build_hub(ports, ground.hub_config)
    running = loop.create_task(hub.run())
    ready = loop.create_task(hub.ready.wait())
    await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    return hub, running


async def _serve(
    loop: VirtualLoop,
    up: tuple[Hub, "asyncio.Task[None]"],
    ground: Ground,
    at_s: float,
    passed: Passed,
    pipe: PipeEnd,
) -> None:
    hub, running = up
    await asyncio.sleep(max(0.0, at_s - loop.time()))
    connector = aiohttp.UnixConnector(path=f"{HUB_HOST}:{PORTS.hub}")
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        pipe.send("ready")
        while not running.done():
            asked = pipe.recv()
            if isinstance(asked, Passings):
                pipe.send(Passings(dict(passed.counts)))
                continue
            asked_s, request = asked
            await asyncio.sleep(max(0.0, asked_s - loop.time()))
            act = _COMMANDS.get(request.method)
            if act is not None:
                body = json.dumps(await act(hub, ground, (loop, request.body))).encode()
                pipe.send(Response(loop.time(), 200, {}, body))
            else:
                pipe.send(await _answer(session, request, loop))
    running.result()


async def _answer(session: aiohttp.ClientSession, request: Request, loop: VirtualLoop) -> Response:
    url = f"http://127.0.0.1:{PORTS.hub}{request.path_qs}"
    async with session.request(
        request.method, url, data=request.body, headers=request.headers, allow_redirects=False
    ) as found:
        body = await found.read()
    return Response(loop.time(), found.status, dict(found.headers), body)


_Asked = tuple[VirtualLoop, bytes | None]


async def _pair(hub: Hub, ground: Ground, _asked: _Asked) -> dict[str, str]:
    key = public_key(ground.secrets.private_key)
    found = await hub.rooms.stations.pair(ground.access.station_id, key)
    return {"pepper": found.pepper.hex(), "salt": found.code_salt.hex()}


async def _invite(hub: Hub, ground: Ground, _asked: _Asked) -> dict[str, str]:
    made = await hub.rooms.stations.enrolment.invite(ground.access.station_id, _INVITED_MINUTES)
    return {"secret": made.secret}


async def _redeem(hub: Hub, ground: Ground, asked: _Asked) -> dict[str, str]:
    loop, body = asked
    secret = json.loads(body or b"")["secret"]
    clock, days = WorldClock(loop, boot_id="hub"), hub.config.gateway.certificate_days
    authority = hub_authority(ground.hub_secrets)
    certificates = Certificates(authority, hub.db, clock, seeded_chance(secret), days)
    holder = Holder(ground.access.station_id, public_key(ground.secrets.private_key))
    found = await hub.rooms.stations.enrolment.redeem(secret, holder, certificates)
    return found.model_dump()


_COMMANDS = {PAIR: _pair, INVITE: _invite, REDEEM: _redeem}
