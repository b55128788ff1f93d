"""QR codes at the unmodified daemon: one grant with the digits, once, offline, whatever the keypad has seen."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from common.contract.qr import QrGrant, encode, key_message
from common.contract.replica import GrantKeyRow, GrantRow
from common.contract.words import KeypadLevel
from common.kit.errors import ConflictError
from common.kit.identity import new_private_key, public_key, sign
from edge.pickup.views import Accepted, Refused, Step
from tests.edge.cable import STATION_ID
from tests.edge.pickup.house import CODE, House, in_house

KID = 228
WRONG = "52709164"


class Signer:
    """The hub's grant key, pinned at the station."""

    def __init__(self, house: House, kid: int = KID) -> None:
        self.key, self.kid, self.house = new_private_key(house.chance), kid, house

    def row(self, by: bytes | None = None) -> GrantKeyRow:
        public = public_key(self.key)
        message = key_message(STATION_ID, self.kid, public)
        signature = sign(by or self.house.command_seed, message)
        return GrantKeyRow(kid=str(self.kid), public_key=public.hex(), signature=signature.hex())

    def grant(self, row: GrantRow) -> QrGrant:
        return QrGrant(
            self.kid, STATION_ID, row.grant_id, row.valid_for_s, row.not_after_ms, row.parcel_ids
        )

    def text(self, grant: QrGrant) -> str:
        return encode(grant, sign(self.key, grant.message()))


async def leave(house: House) -> None:
    await house.push((await house.until(Step.OPEN)).compartment)
    await house.until(Step.CLOSED)
    await house.edge.pickup.finish()


def test_code_and_qr_are_one_grant_used_once(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        grants = [
            await house.delivered("LP-0001"),
            await house.delivered("LP-0002", code="61830529"),
        ]
        first, second = (signer.text(signer.grant(one)) for one in grants)
        before = house.pulses
        assert isinstance(await house.edge.pickup.submit_qr(first.lower()), Accepted)
        with pytest.raises(ConflictError):
            await house.edge.pickup.submit_qr(second)
        await leave(house)
        assert await house.edge.pickup.submit_qr(first) == Refused(0)
        assert await house.edge.pickup.submit(CODE) == Refused(0)
        assert isinstance(await house.edge.pickup.submit("61830529"), Accepted)
        await leave(house)
        assert await house.edge.pickup.submit_qr(second) == Refused(0)
        assert house.pulses == before + 2
        assert [house.grant_state(one.grant_id) for one in grants] == ["done"] * 2

    in_house(tmp_path, body)


def test_foreign_forged_and_unpinned_codes_open_nothing(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer, thief, unvouched = Signer(house), Signer(house), Signer(house, KID + 1)
        await house.put(signer.row(), unvouched.row(by=new_private_key(house.chance)))
        row = await house.delivered("LP-0001")
        honest = signer.grant(row)
        other = replace(honest, station_id="01JABCDEFGHJKMNPQRSTVWXYZ9")
        before = house.pulses
        for text in (
            "", "LG1", "hello", WRONG, signer.text(honest)[:-2], signer.text(other),
            thief.text(honest), unvouched.text(unvouched.grant(row)),
            signer.text(replace(honest, kid=KID + 2)),
            signer.text(replace(honest, not_after_ms=house.clock.true_ms() - 1)),
        ):  # fmt: skip
            assert await house.edge.pickup.submit_qr(text) == Refused(0), text
        assert house.pulses == before
        assert house.sql("SELECT * FROM limiter_attempt") == []
        assert isinstance(await house.edge.pickup.submit_qr(signer.text(honest)), Accepted)

    in_house(tmp_path, body)


def test_a_locked_keypad_does_not_lock_the_scanner(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        row = await house.delivered("LP-0001")
        for _ in range(6):
            await house.edge.pickup.submit(WRONG)
        assert house.edge.pickup.keypad().level is KeypadLevel.OFF
        for _ in range(50):
            assert await house.edge.pickup.submit_qr("LG1NOTHING") == Refused(0)
        assert isinstance(
            await house.edge.pickup.submit_qr(signer.text(signer.grant(row))), Accepted
        )

    in_house(tmp_path, body, limiter={"off_failures_24h": 5})


def test_a_grant_the_station_was_never_told_of_opens_what_lies_here(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        old = await house.delivered("LP-0001")
        elsewhere = house.parcel("LP-0009")
        renewed = old.model_copy(update={"grant_id": house.id()})
        absent = renewed.model_copy(
            update={"grant_id": house.id(), "parcel_ids": (elsewhere.parcel_id,)}
        )
        assert await house.edge.pickup.submit_qr(signer.text(signer.grant(absent))) == Refused(0)
        text = signer.text(signer.grant(renewed))
        assert isinstance(await house.edge.pickup.submit_qr(text), Accepted)
        await leave(house)
        assert house.grant_state(renewed.grant_id) == "done"
        await house.cut()
        await house.boot()
        assert await house.edge.pickup.submit_qr(text) == Refused(0)
        await house.put(renewed)  # the hub's word comes at last
        assert await house.edge.pickup.submit_qr(text) == Refused(0)
        assert house.grant_state(renewed.grant_id) == "done"

    in_house(tmp_path, body)


def test_the_hubs_word_rules_over_the_code(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        row = await house.delivered("LP-0001")
        text = signer.text(signer.grant(row))
        await house.put(row.model_copy(update={"state": "revoked"}))
        assert await house.edge.pickup.submit_qr(text) == Refused(0)

    in_house(tmp_path, body)


def test_a_code_ends_by_the_trusted_time(tmp_path: Path) -> None:
    async def body(house: House) -> None:
        signer = Signer(house)
        await house.put(signer.row())
        row = await house.delivered("LP-0001", valid_for_s=3600)
        await asyncio.sleep(3601)
        text = signer.text(signer.grant(row))
        assert await house.edge.pickup.submit_qr(text) == Refused(0)
        longer = replace(signer.grant(row), grant_id=house.id(), valid_for_s=86_400)
        assert isinstance(await house.edge.pickup.submit_qr(signer.text(longer)), Accepted)

    in_house(tmp_path, body, doors={"poll_idle_s": 30})
