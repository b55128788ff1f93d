"""Commands of the hub on the unmodified daemon: signed, fresh, once, within the budget; every step is told."""

import asyncio
from pathlib import Path
from typing import Any

from common.contract.replica import CommandRow, OpenDoorArgs
from common.contract.signing import command_message
from common.kit.clock import to_ms
from common.kit.identity import new_private_key, sign
from tests.edge.cable import STATION_ID
from tests.edge.pickup.house import House, in_house


def command(
    house: House,
    door: str = "A01",
    *,
    seed: bytes | None = None,
    station: str = STATION_ID,
    **changes: Any,
) -> CommandRow:
    now_ms = to_ms(house.clock.wall())
    fields: dict[str, Any] = {
        "command_id": house.id(), "kind": "open_door",
        "args": OpenDoorArgs(compartment=door, reason="parcel stuck"), "issued_by": "ops@hub",
        "issued_at_ms": now_ms, "expires_at_ms": now_ms + 60_000,
        "nonce": house.chance.secure.token_bytes(16).hex(), "signature": "",
    }  # fmt: skip
    unsigned = CommandRow.model_validate(fields | changes)
    signature = sign(seed or house.command_seed, command_message(unsigned, station_id=station))
    return unsigned.model_copy(update={"signature": signature.hex()})


def told(house: House, row: CommandRow) -> list[tuple[str, str]]:
    events = house.events("command.result")
    return [(e["state"], e["detail"]) for e in events if e["command_id"] == row.command_id]


def test_a_signed_command_opens_its_door_and_tells(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        row = command(house)
        await house.put(row)
        await asyncio.sleep(3)
        assert house.is_open("A01")
        assert [s for s, _ in told(house, row)] == ["delivered", "started", "succeeded"]
        (opened,) = [e for e in house.events("door.changed") if e["state"] == "open"]
        assert (opened["purpose"], opened["actor_id"]) == ("remote", "ops@hub")
        await house.put(row)
        await asyncio.sleep(3)
        assert house.pulses == 1

    in_house(tmp_path, body)


def test_what_does_not_hold_opens_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        now_ms = to_ms(house.clock.wall())
        honest = command(house)
        cases = {
            "foreign key": command(house, seed=new_private_key(house.chance)),
            "foreign station": command(house, station="01JABCDEFGHJKMNPQRSTVWXYZ9"),
            "changed door": honest.model_copy(
                update={"args": OpenDoorArgs(compartment="B01", reason="parcel stuck")}
            ),
            "late": command(house, issued_at_ms=now_ms - 90_000, expires_at_ms=now_ms),
            "long-lived": command(
                house, issued_at_ms=now_ms - 3_600_000, expires_at_ms=now_ms + 9**9
            ),
            "no such door": command(house, "Z99"),
            "from the future": command(
                house, issued_at_ms=now_ms + 601_000, expires_at_ms=now_ms + 661_000
            ),
        }
        await house.put(*cases.values())
        await asyncio.sleep(3)
        ends = {name: told(house, row)[-1][0] for name, row in cases.items()}
        assert ends == {
            "foreign key": "failed",
            "foreign station": "failed",
            "changed door": "failed",
            "late": "expired",
            "long-lived": "expired",
            "no such door": "failed",
            "from the future": "failed",
        }
        assert "clock is not trusted" in told(house, cases["from the future"])[-1][1]
        assert house.pulses == 0

    in_house(tmp_path, body)


def test_a_station_whose_clock_is_a_little_behind_obeys(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        now_ms = to_ms(house.clock.wall())
        row = command(house, issued_at_ms=now_ms + 590_000, expires_at_ms=now_ms + 650_000)
        await house.put(row)
        await asyncio.sleep(3)
        assert told(house, row)[-1][0] == "succeeded"

    in_house(tmp_path, body)


def test_a_nonce_counts_once(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        first = command(house, "A01", nonce="ab" * 16)
        second = command(house, "A02", nonce="ab" * 16)
        await house.put(first, second)
        await asyncio.sleep(3)
        assert told(house, second) == [("failed", "nonce used before")]
        assert house.pulses == 1

    in_house(tmp_path, body)


def test_no_hub_opens_more_than_the_budget(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        rows = [command(house, f"A0{n}") for n in range(1, 7)]
        await house.put(*rows)
        await asyncio.sleep(20)
        assert house.pulses == 2
        ends = [told(house, row)[-1] for row in rows]
        assert [state for state, _ in ends] == ["succeeded"] * 2 + ["failed"] * 4
        assert "budget" in ends[-1][1]

    in_house(tmp_path, body)


def test_a_restart_in_between_is_unknown_unless_the_door_tells(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        house.cabinet.jam("A01")
        row = command(house)
        await house.put(row)
        async with asyncio.timeout(5):
            while not house.pulses:  # noqa: ASYNC110 - the cabinet's own log has no event
                await asyncio.sleep(0.05)
        await house.cut()
        await house.boot()
        await asyncio.sleep(3)
        assert [s for s, _ in told(house, row)] == ["delivered", "started", "unknown"]
        assert house.pulses == 1

    in_house(tmp_path, body)
