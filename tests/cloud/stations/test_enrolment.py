"""Invitations: good once, for minutes, for one key; five wrong tries close one. On both engines."""

from collections.abc import Awaitable

import pytest

from cloud.app import Rooms
from cloud.seed import STATION_ID
from cloud.stations.service import NewStation
from cloud.sync import Certificates, hub_authority
from common.contract.enrolment import Enrolled
from common.kit.certificates import Holder, is_signed_by, read_certificate
from common.kit.chance import system_chance
from common.kit.errors import ConflictError, NotFoundError, RefusedError
from common.kit.identity import public_key
from tests.cloud.harness import SECRETS, MovableClock

KEY, OTHER = public_key(bytes(range(32))), public_key(bytes(range(1, 33)))
HOLDER = Holder(STATION_ID, KEY)
WRONG = "0" * 32


@pytest.fixture
async def certificates(rooms: Rooms, clock: MovableClock) -> Certificates:
    await rooms.stations.create_station(NewStation("一号", "One", "400", station_id=STATION_ID))
    return Certificates(hub_authority(SECRETS), rooms.db, clock, system_chance(), 30)


async def refused(asking: Awaitable[Enrolled]) -> None:
    with pytest.raises(RefusedError) as told:
        await asking
    assert told.value.key == "station.invite_refused"


async def test_an_invitation_pairs_one_device_and_answers_it_again(
    rooms: Rooms, clock: MovableClock, certificates: Certificates
) -> None:
    subject = rooms.stations.enrolment
    secret = (await subject.invite(STATION_ID, 15)).secret
    papers = await subject.redeem(secret, HOLDER, certificates)
    by_hand = await rooms.stations.pair(STATION_ID, KEY)
    assert papers.pepper == by_hand.pepper.hex()
    assert papers.code_salt == by_hand.code_salt.hex()
    assert papers.hub_command_key == by_hand.hub_command_key.hex()
    held = read_certificate(papers.certificate)
    assert (held.name, held.public_key) == (STATION_ID, KEY)
    assert is_signed_by(papers.certificate, certificates.authority.pem)
    assert (await rooms.stations.detail(STATION_ID)).station.state == "active"
    again = await subject.redeem(secret, HOLDER, certificates)  # the answer was lost
    assert again.pepper == papers.pepper
    await refused(subject.redeem(secret, Holder(STATION_ID, OTHER), certificates))


async def test_it_ends_with_its_time_and_with_the_next_one(
    rooms: Rooms, clock: MovableClock, certificates: Certificates
) -> None:
    subject = rooms.stations.enrolment
    late = (await subject.invite(STATION_ID, 15)).secret
    clock.forward(minutes=15)
    await refused(subject.redeem(late, HOLDER, certificates))
    void = (await subject.invite(STATION_ID, 15)).secret
    good = (await subject.invite(STATION_ID, 15)).secret
    await refused(subject.redeem(void, HOLDER, certificates))
    await subject.redeem(good, HOLDER, certificates)


async def test_five_wrong_tries_close_it(rooms: Rooms, certificates: Certificates) -> None:
    subject = rooms.stations.enrolment
    secret = (await subject.invite(STATION_ID, 15)).secret
    for _ in range(4):
        await refused(subject.redeem(WRONG, HOLDER, certificates))
    other = Holder("01K0YANGGVANG0000000000009", KEY)
    await refused(subject.redeem(secret, other, certificates))  # another station's: no try of ours
    await refused(subject.redeem(WRONG, HOLDER, certificates))
    await refused(subject.redeem(secret, HOLDER, certificates))
    assert (await rooms.stations.detail(STATION_ID)).station.state == "provisioning"


async def test_who_is_not_invited_is_refused_alike(
    rooms: Rooms, certificates: Certificates
) -> None:
    await refused(rooms.stations.enrolment.redeem(WRONG, HOLDER, certificates))
    with pytest.raises(NotFoundError):
        await rooms.stations.enrolment.invite("01K0YANGGVANG0000000000009", 15)


async def test_a_revoked_key_is_not_taken_again(rooms: Rooms, certificates: Certificates) -> None:
    subject = rooms.stations.enrolment
    await rooms.stations.pair(STATION_ID, KEY)
    await rooms.stations.revoke_key(STATION_ID, "stolen", "test")
    secret = (await subject.invite(STATION_ID, 15)).secret
    with pytest.raises(ConflictError) as told:
        await subject.redeem(secret, HOLDER, certificates)
    assert told.value.key == "station.key_revoked"
    await subject.redeem(secret, Holder(STATION_ID, OTHER), certificates)


def test_the_secret_does_not_stand_in_a_log() -> None:
    from cloud.stations.enrolment import Invitation

    assert "abc" not in repr(Invitation("abc", 1))
