"""Scenes of what people carry: a code given away, a sheet that ends codes, a certificate, an invitation."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from common.kit.certificates import read_certificate
from common.kit.errors import LinliError
from common.kit.identity import public_key
from edge.pickup.papers import PaperSays
from edge.pickup.views import Refused, Step
from linli.drill.forked.acts import owes, post_once, resident, settled
from linli.drill.forked.ground import PAIRED, PLACED
from linli.drill.forked.people import LOOK_S, MOST_TRIES, Hands
from linli.drill.forked.run import Run, Scene
from linli.drill.forked.stationside import Site

_DOOR, _REASON = "A08", "broken latch"
_REST_S, _LEFT_OPEN_S = 3.0, 6.0


def _give(run: Run) -> None:
    """The neighbours send somebody."""
    office, mine = run.office, run.ground.neighbours
    wish = {"parcel_id": mine.parcel_ids[0], "given_to": "Xiao Wang"}
    office.post(
        f"/orders/{mine.order_id}/delegates", wish, office.buyer,
        lambda: bool(_given(run)),
    )  # fmt: skip
    codes = [str(one["code"]) for one in _given(run)]
    if len(codes) != 1:
        run.table.on_violated(f"the parcel was given away {len(codes)} times")
    run.bought = replace(mine, code=codes[0])


def _given(run: Run) -> Any:
    return run.office.order(run.ground.neighbours.order_id)["pickup"]["delegates"]


def _revoke(run: Run) -> None:
    """The neighbours' code is taken back while the station is off; somebody takes the sheet along."""
    office, order_id = run.office, run.ground.neighbours.order_id
    grant_id = office.order(order_id)["pickup"]["grant_id"]
    office.post(
        f"/grants/{grant_id}/revoke", {},
        is_done=lambda: office.order(order_id)["pickup"]["revoke_state"] != "none",
    )  # fmt: skip
    found = office.get(f"/stations/{office.station_id}/capsules")["capsules"]
    run.sheet = tuple(str(one["text"]) for one in found)
    if [one["grant_ids"] for one in found] != [[grant_id]]:
        run.table.on_violated(f"the sheet ends {found}")


def _enrol(run: Run) -> None:
    """The station is invited and redeems that with the key it has; unanswered it asks again."""
    office, secrets = run.office, run.ground.secrets
    papers = office.redeem(str(office.invite()["secret"]))
    again = office.redeem(str(office.invite()["secret"]))
    for found in (papers, again):
        if (found["pepper"], found["code_salt"]) != (secrets.pepper.hex(), secrets.code_salt.hex()):
            run.table.on_violated("enrolled, the station's secrets are others")
        held = read_certificate(found["certificate"])
        if (held.name, held.public_key) != (office.station_id, public_key(secrets.private_key)):
            run.table.on_violated(f"the certificate is of {held}")


async def _collect_for_another(run: Run, site: Site) -> None:
    """Somebody comes with the code given to them, or the owner herself; the other code is used up by the open door."""
    await settled(run, site)
    first, other = run.bought, run.ground.neighbours
    if run.seed % 2:
        first, other = other, first
    trying = asyncio.ensure_future(_try_at_the_open_door(site, other.code))
    await resident(run, site, first, leaves_open_s=_LEFT_OPEN_S).collect()
    trying.cancel()
    await site.edge.pickup.finish()
    await _opens_nothing(site, "the other code", lambda: site.edge.pickup.submit(other.code))
    await settled(run, site)


async def _try_at_the_open_door(site: Site, code: str) -> None:
    """Another one ends the session at a door that stands open, and tries a code that was as good as the first."""
    flow = site.edge.pickup
    while True:
        await asyncio.sleep(LOOK_S)
        view = flow.session()
        if view is not None and view.step is Step.OPEN:
            break
    await flow.finish()
    await _opens_nothing(site, "the other code at the open door", lambda: flow.submit(code))


async def _show_sheet(run: Run, site: Site) -> None:
    """The sheet is shown as soon as the screen is there, and at once the code it ends is tried."""
    for text in run.sheet:
        answer = await site.edge.papers.show(text)
        if answer.says not in (PaperSays.APPLIED, PaperSays.KNOWN):
            Hands(site).violate(f"the sheet is answered {answer}")
    code = run.ground.neighbours.code
    await _opens_nothing(site, "the ended code", lambda: site.edge.pickup.submit(code))
    await settled(run, site)
    await _is_revoked(run, site)


async def _technician(run: Run, site: Site) -> None:
    """A door with nothing behind it opens for a certificate, and no longer once certificates have ended."""
    await settled(run, site)
    text, open_door = await _certified(run, site), site.edge.maintenance.open
    await _look_behind(site, lambda: open_door(text, _DOOR, _REASON))
    path = f"/stations/{run.office.station_id}/certificates/revoke"
    await post_once(run, site, "end-certificates", path, {}, run.office.admin)
    await settled(run, site)
    await _opens_nothing(
        site, "the ended certificate", lambda: open_door(text, _DOOR, _REASON),
        "maintenance.revoked",
    )  # fmt: skip
    await settled(run, site)


async def _only_sync(run: Run, site: Site) -> None:
    await settled(run, site)


async def _certified(run: Run, site: Site) -> str:
    """Return a technician's certificate: the same after each death, another one when an answer was lost."""
    path = f"/stations/{run.office.station_id}/certificates"
    wish = {"technician": "Li", "hours": 4}
    for number in range(MOST_TRIES):
        made = await post_once(run, site, f"certify-{number}", path, wish, run.office.admin)
        if "text" in made:
            return str(made["text"])
    raise AssertionError("no certificate's answer arrives")


async def _look_behind(site: Site, act: Callable[[], Awaitable[str]]) -> None:
    """Open the door once it lets itself be opened, and shut it."""
    who = Hands(site)
    for _ in range(MOST_TRIES):
        if who.has_done("looked"):
            return
        await asyncio.sleep(LOOK_S)
        if _DOOR in who.open_doors():
            await who.push(_DOOR)
            who.count("looked")
            return
        await who.want("maintenance", frozenset({_DOOR}), act)
        await asyncio.sleep(_REST_S)
    who.violate(f"{_DOOR} does not open for a technician")


async def _opens_nothing(
    site: Site, what: str, act: Callable[[], Awaitable[object]], key: str = ""
) -> None:
    """Try what must not open anything: any pulse would be one that nobody asked for. `key`: how it is refused."""
    who = Hands(site)
    if who.remembers(f"tried {what}"):
        return
    try:
        answer = await act()
    except LinliError as error:
        if error.key != key:
            who.violate(f"{what} is refused as {error.key}")
    else:
        if key or not isinstance(answer, Refused):
            who.violate(f"{what} is answered {answer}")


async def _is_revoked(run: Run, site: Site) -> None:
    """The hub knows that the station refuses the code."""
    who, path = Hands(site), f"/orders/{run.ground.neighbours.order_id}"
    for _ in range(MOST_TRIES):
        found = await who.phone("GET", path, run.office.buyer)
        if found is not None and found["pickup"]["revoke_state"] == "done":
            return
    who.violate("the hub was never told that the sheet was applied")


def _collected_once(run: Run) -> None:
    owes(run, "collected", *run.ground.neighbours.parcel_ids)


PAPER_SCENES = (
    Scene("given away", PLACED, PLACED, _collect_for_another, before=_give, owes=_collected_once),
    Scene("a sheet", PLACED, PLACED, _show_sheet, before=_revoke),
    Scene("a technician", PLACED, PLACED, _technician),
    Scene("enrolment", PAIRED, PAIRED, _only_sync, before=_enrol),
)
