"""The lock: what a pulse does, what a held current destroys, and what a jam stops."""

import math

import pytest

from device_sim.lock import Burn, Cause, Lock, LockModel, Movement, Weld

MODEL = LockModel(release_s=0.06, burn_after_s=1.5, recovery=0.15)


@pytest.fixture
def subject() -> Lock:
    return Lock(1, 3, "A04", MODEL)


def pulse(lock: Lock, at_s: float, ms: int) -> None:
    lock.switch(True, at_s, at_s + ms / 1000)


def run(lock: Lock, to_s: float) -> list[Movement | Burn]:
    events = []
    while lock.next_event_s() <= to_s:
        event = lock.step()
        if event is not None:
            events.append(event)
    return events


def test_a_pulse_springs_the_door_open_and_ends_by_itself(subject: Lock) -> None:
    pulse(subject, 10.0, 400)
    (moved,) = run(subject, 20.0)
    assert moved == Movement(10.06, "A04", 1, 3, open=True, cause=Cause.PULSE)
    assert subject.is_open
    assert not subject.relay_on
    assert subject.next_event_s() == math.inf


def test_the_door_stays_open_until_pushed(subject: Lock) -> None:
    pulse(subject, 0.0, 400)
    run(subject, 3600.0)
    assert subject.is_open
    moved = subject.push(3600.0)
    assert moved is not None
    assert moved.cause is Cause.PUSHED
    assert not subject.is_open
    assert subject.push(3601.0) is None


def test_a_shut_door_does_not_open_when_pushed(subject: Lock) -> None:
    assert subject.push(1.0) is None


def test_current_that_ends_too_early_frees_no_latch() -> None:
    slow = Lock(1, 0, "A01", LockModel(release_s=0.25))
    pulse(slow, 0.0, 100)
    assert run(slow, 5.0) == []
    assert not slow.is_open


def test_while_current_flows_the_latch_does_not_catch(subject: Lock) -> None:
    pulse(subject, 0.0, 400)
    run(subject, 0.2)
    assert subject.push(0.2) is None
    run(subject, 0.4)
    assert subject.push(0.41) is not None


def test_a_held_coil_burns_and_never_opens_again(subject: Lock) -> None:
    subject.switch(True, 0.0)
    events = run(subject, 60.0)
    assert Burn(1.5, "A04", 1, 3) in events
    assert subject.is_burnt
    subject.switch(False, 60.0)
    assert subject.push(61.0) is not None
    pulse(subject, 62.0, 400)
    assert run(subject, 70.0) == []
    assert not subject.is_open


def test_three_normal_pulses_are_within_the_duty(subject: Lock) -> None:
    for at_s in (0.0, 1.0, 2.0):
        pulse(subject, at_s, 400)
        run(subject, at_s + 0.9)
    assert not subject.is_burnt


def test_pulses_without_rest_burn(subject: Lock) -> None:
    for number in range(5):
        pulse(subject, number * 0.5, 400)
        run(subject, number * 0.5 + 0.49)
    assert subject.is_burnt


def test_rest_cools(subject: Lock) -> None:
    for number in range(20):
        pulse(subject, number * 10.0, 1000)
        run(subject, number * 10.0 + 9.0)
    assert not subject.is_burnt


def test_a_jammed_door_moves_neither_way(subject: Lock) -> None:
    subject.is_jammed = True
    pulse(subject, 0.0, 400)
    assert run(subject, 5.0) == []
    assert subject.pull(5.0) is None
    subject.is_jammed = False
    assert run(subject, 6.0) == []
    assert subject.pull(6.0) is not None
    subject.is_jammed = True
    assert subject.push(7.0) is None
    assert subject.is_open


def test_forcing_an_open_door_changes_nothing(subject: Lock) -> None:
    moved = subject.pull(1.0)
    assert moved is not None
    assert moved.cause is Cause.PULLED
    assert subject.pull(2.0) is None


def test_a_contact_welded_open_carries_no_current(subject: Lock) -> None:
    subject.set_weld(Weld.OPEN, 0.0)
    pulse(subject, 1.0, 400)
    assert subject.relay_on
    assert run(subject, 5.0) == []


def test_a_contact_welded_closed_opens_and_burns(subject: Lock) -> None:
    subject.set_weld(Weld.CLOSED, 0.0)
    kinds = [type(event) for event in run(subject, 5.0)]
    assert kinds == [Movement, Burn]


def test_a_mended_contact_follows_the_relay_again(subject: Lock) -> None:
    subject.set_weld(Weld.CLOSED, 0.0)
    subject.set_weld(None, 0.03)
    assert run(subject, 5.0) == []
    assert not subject.is_energised


def test_a_channel_with_nothing_wired_only_clicks() -> None:
    bare = Lock(1, 7, None, MODEL)
    pulse(bare, 0.0, 400)
    assert run(bare, 0.2) == []
    assert bare.relay_on
    run(bare, 1.0)
    assert not bare.relay_on
