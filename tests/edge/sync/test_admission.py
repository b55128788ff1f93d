"""An overloaded hub sends batches away with a time, takes them when it has room, and loses count of none."""

import asyncio

import pytest

from cloud.sync.admission import RETRY_S, Admission
from common.kit.errors import UnavailableError
from common.kit.problems import problem
from tests.edge.sync.rig import HubRig, StationRig, until


def test_a_place_is_held_and_given_back() -> None:
    subject = Admission(most=2)
    with subject.enter("a", 2), subject.enter("b", 2):
        assert subject.in_flight == 2
        with pytest.raises(UnavailableError, match="hands full"), subject.enter("c", 2):
            pass
    assert subject.in_flight == 0
    with pytest.raises(LookupError), subject.enter("a", 2):
        raise LookupError
    assert subject.in_flight == 0


def test_one_station_does_not_take_every_place() -> None:
    subject = Admission(most=9)
    with subject.enter("a", 1):
        with pytest.raises(UnavailableError), subject.enter("a", 1):
            pass
        with subject.enter("b", 1):
            pass


def test_the_answer_says_when_to_come_back() -> None:
    subject = Admission(most=0)
    with pytest.raises(UnavailableError) as caught, subject.enter("a", 2):
        pass
    answer = problem(caught.value)
    assert (answer.status, answer.headers["Retry-After"]) == (503, str(RETRY_S))
    assert "Retry-After" not in problem(UnavailableError("web.not_ready", "no")).headers


async def test_a_station_comes_again_and_gets_everything_through(
    hub: HubRig, subject: StationRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.sync.admission.RETRY_S", 0)
    busy = Admission(most=0)
    hub.admission = busy
    async with hub.serving(), subject.running() as link:
        await subject.door("A1", "A2", "A3")
        await until(lambda: not link.view().online and subject.outbox.backlog().facts == 3)
        busy.most = 4
        await until(lambda: subject.is_empty() and hub.labels() == ["A1", "A2", "A3"])
    assert busy.in_flight == 0
    await asyncio.sleep(0)
