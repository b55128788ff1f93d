"""Scenes at the doors: put in, picked up, opened again, jammed, cut off, refused, left open, handed over."""

import asyncio

from device_sim.faults import AdapterUnplugged, Jam
from edge.config import StationConfig
from edge.pickup.views import Accepted, ParcelState, Refused
from linli.drill.forked.acts import keeper, owes, resident, settled
from linli.drill.forked.arms import Arm
from linli.drill.forked.ground import ANNOUNCED, PLACED
from linli.drill.forked.people import Hands
from linli.drill.forked.run import Run, Scene
from linli.drill.forked.stationside import Site


async def _put_in(run: Run, site: Site) -> None:
    who = keeper(run, site)
    await who.sign_in()
    for bought in (run.ground.mine, run.ground.neighbours):
        for parcel_id, label in zip(bought.parcel_ids, bought.labels, strict=True):
            await who.put_in(parcel_id, label)
    await settled(run, site)


async def _put_in_jammed(run: Run, site: Site) -> None:
    """No door moves at first, and the adapter is out before that; then all is well."""
    who = Hands(site)
    if not who.remembers("broken"):
        who.lay(AdapterUnplugged(kind="adapter_unplugged", target=site.edge.config.bus[0].name))
    putting = asyncio.ensure_future(_put_in(run, site))
    await asyncio.sleep(3.0)
    who.lift()
    if not who.remembers("jammed"):
        for part in site.edge.config.compartment:
            who.lay(Jam(kind="jam", target=part.label))
        await asyncio.sleep(run.rng.uniform(7.0, 9.0))
    who.lift()
    await putting


async def _pick_up(run: Run, site: Site) -> None:
    await resident(run, site, run.ground.mine).collect()
    await settled(run, site)


async def _with_qr(run: Run, site: Site) -> None:
    who = resident(run, site, run.ground.mine, reopens=True)
    who.enter = lambda: site.edge.pickup.submit_qr(run.ground.qr)
    await who.collect()
    await site.edge.pickup.finish()
    await settled(run, site)


async def _mistyped(run: Run, site: Site) -> None:
    """A wrong code first; then the door is left open for a while."""
    wrong = f"{(int(run.ground.neighbours.code) + 1) % 10**8:08d}"
    if not Hands(site).remembers("mistyped"):
        await Hands(site).want("wrong code", frozenset(), lambda: site.edge.pickup.submit(wrong))
    await resident(run, site, run.ground.neighbours, leaves_open_s=25.0).collect()
    await settled(run, site)


async def _broken_door(run: Run, site: Site) -> None:
    """The door jams at first; it is freed, and by chance pulled while it still may open late."""
    who, mine = Hands(site), run.ground.neighbours
    (door,) = who.doors_of(frozenset(mine.parcel_ids))
    jam = Jam(kind="jam", target=door)
    collecting = asyncio.ensure_future(resident(run, site, mine, ponders_s=4.0).collect())
    if not who.remembers("jammed"):
        who.lay(jam)
        await asyncio.sleep(run.rng.uniform(4.0, 5.5))
    if not who.remembers("freed"):
        who.lift()
        if run.seed % 2:
            site.ask("pull", door)
    await collecting
    await settled(run, site)


async def _cut_wire(run: Run, site: Site) -> None:
    """The adapter is out while she types, and comes back."""
    who, mine = Hands(site), run.ground.neighbours
    bus = site.edge.config.bus[0].name
    if not who.remembers("pulled out"):
        who.lay(AdapterUnplugged(kind="adapter_unplugged", target=bus))
    collecting = asyncio.ensure_future(resident(run, site, mine).collect())
    await asyncio.sleep(run.rng.uniform(1.0, 4.0))
    who.lift()
    await collecting
    await settled(run, site)


async def _refusing_board(run: Run, site: Site) -> None:
    """The board answers the first pulse with an exception."""
    if not Hands(site).remembers("refusing"):
        site.ask("refuse", 1)
    await resident(run, site, run.ground.neighbours).collect()
    await settled(run, site)


async def _keepers_rounds(run: Run, site: Site) -> None:
    """Hand one parcel over, look into an empty compartment, scan a label that nobody knows."""
    who, desk = keeper(run, site), site.edge.desk
    await who.sign_in()
    (parcel_id,) = run.ground.neighbours.parcel_ids
    await who.take_out(
        parcel_id,
        "hand-over",
        lambda: desk.hand_over(who.keeper_id, parcel_id, "no phone"),
        ParcelState.HANDED_OVER,
    )
    if not who.hands.remembers("inspected"):
        await who.inspect("A08")
    if not who.hands.remembers("unknown"):
        await desk.scan(who.keeper_id, "PX-0000-NOBODY")
    await settled(run, site)


async def _queue(run: Run, site: Site) -> None:
    """Two doors asked for at once: the second waits too long and is asked for again."""
    who = keeper(run, site)
    if not who.hands.remembers("asked for both"):
        for label in ("A08", "B08"):
            await who.hands.want(
                "inspection",
                frozenset({label}),
                lambda door=label: site.edge.desk.open_door(who.keeper_id, door, "a smell"),  # type: ignore[misc]
            )
    await asyncio.sleep(3.0)
    for label in ("A08", "B08"):
        if not who.hands.remembers(f"saw {label}"):
            await who.inspect(label)
    await settled(run, site)


async def _behind_the_keeper(run: Run, site: Site) -> None:
    """Her door waits behind the keeper's for too long; she presses again."""
    who, mine = resident(run, site, run.ground.neighbours), run.ground.neighbours
    desk, keeper_id = site.edge.desk, keeper(run, site).keeper_id

    async def enter() -> Accepted | Refused:
        if not who.hands.remembers("the keeper was first"):
            only = frozenset({"A08"})
            await who.hands.want(
                "inspection", only, lambda: desk.open_door(keeper_id, "A08", "a smell")
            )
        return await site.edge.pickup.submit(mine.code)

    who.enter = enter
    await who.collect()
    await settled(run, site)


def _impatient(config: StationConfig) -> StationConfig:
    doors = config.doors.model_copy(update={"queue_ttl_s": 0.01})
    return config.model_copy(update={"doors": doors})


def _collected(run: Run) -> None:
    owes(run, "collected", *run.ground.mine.parcel_ids)


def _neighbour_collected(run: Run) -> None:
    owes(run, "collected", *run.ground.neighbours.parcel_ids)


def _deposited(run: Run) -> None:
    parcels = (*run.ground.mine.parcel_ids, *run.ground.neighbours.parcel_ids)
    owes(run, "deposited", *parcels, taken=False)
    if sorted(run.table.inside.values()) != sorted(parcels):
        run.table.on_violated(f"behind the doors lies {run.table.inside}")


def _handed_over(run: Run) -> None:
    owes(run, "collected", *run.ground.neighbours.parcel_ids)


DOOR_SCENES = (
    Scene("put in", ANNOUNCED, ANNOUNCED, _put_in, owes=_deposited),
    Scene("put in, after a death", ANNOUNCED, ANNOUNCED, _put_in, owes=_deposited,
          first=Arm("doors.pulse_row_committed", 1)),
    Scene("pickup", PLACED, PLACED, _pick_up, owes=_collected),
    Scene("pickup, after a death", PLACED, PLACED, _pick_up, owes=_collected,
          first=Arm("doors.pulse_row_committed", 1)),
    Scene("pickup, after a death at an open door", PLACED, PLACED, _pick_up, owes=_collected,
          first=Arm("doors.outcome_committed", 1)),
    Scene("pickup, after a long death", PLACED, PLACED, _pick_up, owes=_collected,
          first=Arm("pickup.intent_committed", 1), first_down_s=90.0),
    Scene("put in at jammed doors", ANNOUNCED, ANNOUNCED, _put_in_jammed, owes=_deposited),
    Scene("pickup by QR code, opened again", PLACED, PLACED, _with_qr, owes=_collected),
    Scene("mistyped, left open", PLACED, PLACED, _mistyped, owes=_neighbour_collected),
    Scene("a jammed door", PLACED, PLACED, _broken_door, owes=_neighbour_collected),
    Scene("a wire cut", PLACED, PLACED, _cut_wire, owes=_neighbour_collected),
    Scene("a refusing board", PLACED, PLACED, _refusing_board, owes=_neighbour_collected),
    Scene("the keeper's rounds", PLACED, PLACED, _keepers_rounds, owes=_handed_over),
    Scene("behind the keeper", PLACED, PLACED, _behind_the_keeper, owes=_neighbour_collected,
          config=_impatient),
    Scene("two doors at once", PLACED, PLACED, _queue, config=_impatient),
)  # fmt: skip
