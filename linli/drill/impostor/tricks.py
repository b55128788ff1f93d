"""What impostors try; each trick returns what it should not have got, in sentences, and nothing when it failed."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random

from common.kit.certificates import Authority
from common.kit.errors import LinliError
from common.kit.identity import new_private_key, public_key
from edge.access.enrolment import Token
from edge.sync.client import HubAway, HubRefused
from linli.drill.impostor.scene import Device, FalseHub, Scene, relay

Trick = Callable[[Scene, Random], Awaitable[list[str]]]
_CA = "/sync/v1/ca"


async def false_hub_invites(scene: Scene, _draw: Random) -> list[str]:
    """Somebody else's hub answers a device that was invited to ours."""
    other, seed = _authority(scene), new_private_key(scene.chance)
    papers = scene.papers_of(other, public_key(seed))
    async with scene.false_hub(seed, papers, other) as false:
        return await _not_paired(scene, false)


async def false_hub_shows_our_authority(scene: Scene, _draw: Random) -> list[str]:
    """It passes our authority on, which is no secret, but has no certificate of it."""
    seed = new_private_key(scene.chance)
    papers = scene.papers_of(_authority(scene), public_key(seed))
    async with scene.false_hub(seed, papers, scene.authority) as false:
        return await _not_paired(scene, false)


async def false_hub_on_the_line(scene: Scene, _draw: Random) -> list[str]:
    """A station that is paired is led to somebody else's hub."""
    other, seed = _authority(scene), new_private_key(scene.chance)
    papers = scene.papers_of(other, public_key(seed))
    async with scene.false_hub(seed, papers, other) as false:
        return await _not_greeted(scene, false)


async def station_plays_the_hub(scene: Scene, _draw: Random) -> list[str]:
    """Another station's papers are of the right authority, but not a hub's."""
    thief = await scene.device()
    seed = thief.secrets.private_key
    async with scene.false_hub(seed, thief.certificate(), scene.authority) as false:
        return await _not_greeted(scene, false)


async def papers_of_another(scene: Scene, _draw: Random) -> list[str]:
    """Who holds one station's signing key and another one's papers speaks for neither."""
    other = await scene.device()
    return _refused(await scene.signed(scene.well.secrets, other), "another station's papers")


async def no_papers(scene: Scene, _draw: Random) -> list[str]:
    """Who holds a signing key alone does not speak."""
    return _refused(await scene.signed(scene.well.secrets, None), "no papers")


async def ended_papers(scene: Scene, draw: Random) -> list[str]:
    """Papers that have ended may renew and nothing else; the station does that by itself."""
    old = await scene.device()
    with _later(scene, timedelta(days=draw.randint(31, 3000))):
        found = _refused(await scene.signed(old.secrets, old), "ended papers")
        return found + await _speaks(scene, old)


async def papers_of_a_revoked_key(scene: Scene, _draw: Random) -> list[str]:
    """A stolen computer is revoked; its papers last for weeks."""
    stolen = await scene.device()
    await scene.hub.rooms.stations.revoke_key(stolen.secrets.station_id, "stolen", "drill")
    return _refused(await scene.signed(stolen.secrets, stolen), "a revoked key")


async def plain_port(scene: Scene, _draw: Random) -> list[str]:
    """Without TLS nobody speaks, whatever he signs."""
    answer = await scene.signed(scene.well.secrets, None, scene.hub.web.url)
    return _refused(answer, "the plain port")


async def invitation_used_twice(scene: Scene, _draw: Random) -> list[str]:
    """A second device redeems what the first one has."""
    token = await scene.invited()
    await scene.enrol(scene.folder(), scene.url, token)
    return await _not_enrolled(scene, token, "an invitation that was used")


async def invitation_guessed(scene: Scene, draw: Random) -> list[str]:
    """Five wrong tries close an invitation, be the sixth one right."""
    token = await scene.invited()
    for _ in range(5):
        wrong = Token(token.station_id, f"{draw.getrandbits(128):032x}", token.fingerprint)
        if found := await _not_enrolled(scene, wrong, "a guess"):
            return found
    return await _not_enrolled(scene, token, "an invitation after five guesses")


async def invitation_kept(scene: Scene, draw: Random) -> list[str]:
    """An invitation found in a drawer is worth nothing."""
    token = await scene.invited()
    with _later(scene, timedelta(minutes=draw.randint(15, 10_000))):
        return await _not_enrolled(scene, token, "an old invitation")


async def bits_turned_on_the_line(scene: Scene, draw: Random) -> list[str]:
    """Whoever changes what passes ends the connection and gains nothing."""

    def turned(data: bytes) -> bytes:
        at = draw.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]

    async with relay(scene.url, turned) as between:
        try:
            await scene.greet(scene.well, between)
        except HubAway:
            return []
    return ["a station took answers over a line that changed every packet"]


TRICKS: tuple[Trick, ...] = (
    false_hub_invites, false_hub_shows_our_authority, false_hub_on_the_line, station_plays_the_hub,
    papers_of_another, no_papers, ended_papers, papers_of_a_revoked_key, plain_port,
    invitation_used_twice, invitation_guessed, invitation_kept, bits_turned_on_the_line,
)  # fmt: skip


async def still_well(scene: Scene) -> list[str]:
    """After each trick the honest station speaks as before."""
    return await _speaks(scene, scene.well)


async def _speaks(scene: Scene, device: Device) -> list[str]:
    try:
        await scene.greet(device, scene.url)
    except (HubAway, HubRefused) as error:
        return [f"an honest station is locked out: {error}"]
    return []


async def _not_paired(scene: Scene, false: FalseHub) -> list[str]:
    token, data = await scene.invited(), scene.folder()
    try:
        await scene.enrol(data, false.url, token)
    except LinliError:
        told = [path for path in false.heard if path != _CA]
        return [f"a false hub was told {told} by a device"] if told else []
    return ["a device is paired with a false hub"]


async def _not_greeted(scene: Scene, false: FalseHub) -> list[str]:
    try:
        await scene.greet(scene.well, false.url)
    except (HubAway, HubRefused):
        return [f"a false hub was told {false.heard} by a station"] if false.heard else []
    return ["a station took a false hub for its own"]


async def _not_enrolled(scene: Scene, token: Token, what: str) -> list[str]:
    try:
        await scene.enrol(scene.folder(), scene.url, token)
    except LinliError:
        return []
    return [f"{what} paired a device"]


def _refused(answer: tuple[int, str], what: str) -> list[str]:
    status, key = answer
    return [] if status in (401, 403) else [f"{what} got {status} {key}"]


def _authority(scene: Scene) -> Authority:
    return Authority(new_private_key(scene.chance))


@contextmanager
def _later(scene: Scene, ahead: timedelta) -> Iterator[None]:
    scene.clock.ahead += ahead
    try:
        yield
    finally:
        scene.clock.ahead -= ahead
