"""The oracle's own judgement, on stories told by hand: it must neither sleep nor cry wolf."""

from linli.world.custody import Order, Parcel, Place, Used
from linli.world.oracle import Oracle
from linli.world.trace import Trace


class _Story:
    def __init__(self) -> None:
        self.now_s = 1000.0
        self.oracle = Oracle(Trace(), lambda: self.now_s, lambda: round(self.now_s * 1000))
        self.order = Order(1, "order", "grant", "30517248", valid_for_s=3600.0)
        self.parcel = Parcel("p1", "LL1", self.order)
        self.order.parcels = [self.parcel]
        self.oracle.orders.append(self.order)

    def put_in(self, label: str = "A01") -> None:
        self.oracle.puts(self.parcel, label)
        self.oracle.stored(self.parcel)

    def fetched(self, *, blind: bool = False) -> None:
        self.oracle.act("code 1", self.order.doors, self.order)
        self.oracle.pulsed("A01")
        self.oracle.moved("A01", open_=True, blind=blind)
        self.oracle.takes(self.order, "A01", Place.PERSON)
        self.now_s += 10
        self.oracle.moved("A01", open_=False, blind=blind)

    def answer(self, *, accepted: bool, wait_s: int = 0) -> None:
        expected = self.oracle.expected(self.order)
        self.oracle.judge(self.order.code, self.order, expected, accepted=accepted, wait_s=wait_s)


def test_a_good_day_is_no_violation() -> None:
    story = _Story()
    story.put_in()
    story.answer(accepted=True)
    story.fetched()
    story.answer(accepted=False)
    assert story.parcel.used is Used.YES
    assert story.oracle.violations == []


def test_a_valid_code_that_is_refused() -> None:
    story = _Story()
    story.put_in()
    story.answer(accepted=False)
    assert "refused, though it is valid" in story.oracle.violations[0]


def test_a_limiter_at_rest_needs_attempts_that_failed() -> None:
    story = _Story()
    story.put_in()
    for _ in range(5):
        story.oracle.tried()
    story.answer(accepted=False, wait_s=300)
    assert story.oracle.violations == []


def test_wrong_codes_are_not_checked_without_end() -> None:
    story = _Story()
    for _ in range(8):
        story.oracle.judge("12345678", None, "refuse", accepted=False, wait_s=0)
    assert "wrong codes were checked" in story.oracle.violations[0]


def test_a_used_code_that_is_accepted() -> None:
    story = _Story()
    story.put_in()
    story.fetched()
    story.answer(accepted=True)
    assert "must open nothing" in story.oracle.violations[0]


def test_what_nobody_could_see_counts_for_the_station() -> None:
    story = _Story()
    story.put_in()
    story.fetched(blind=True)
    story.answer(accepted=True)
    story.answer(accepted=False)
    assert story.oracle.violations == []


def test_what_is_taken_through_a_door_that_staff_opened_uses_up_no_code() -> None:
    story = _Story()
    story.put_in()
    story.oracle.act("remote opening of A01", {"A01"}, lasting=True)
    story.oracle.pulsed("A01")
    story.oracle.moved("A01", open_=True, blind=False)
    story.oracle.takes(story.order, "A01", Place.PERSON)
    story.now_s += 10
    story.oracle.moved("A01", open_=False, blind=False)
    assert story.oracle.expected(story.order) == "either"


def test_expired_and_revoked_codes_open_nothing() -> None:
    late = _Story()
    late.put_in()
    late.now_s += 3600 + 200
    late.answer(accepted=True)
    revoked = _Story()
    revoked.put_in()
    revoked.order.revoke_asked = revoked.order.revoke_ruled = True
    revoked.answer(accepted=True)
    assert len(late.oracle.violations) == len(revoked.oracle.violations) == 1


def test_a_pulse_needs_an_act_of_its_own() -> None:
    story = _Story()
    story.put_in()
    story.oracle.act("code 1", {"A01"}, story.order)
    story.oracle.pulsed("A01")
    assert story.oracle.violations == []
    story.oracle.pulsed("A01")
    assert "asked for by nobody" in story.oracle.violations[0]


def test_nothing_asked_of_a_dead_daemon_may_move_a_door() -> None:
    story = _Story()
    story.oracle.act("code 1", {"A01"}, story.order)
    story.oracle.station_died()
    story.oracle.pulsed("A01")
    assert len(story.oracle.violations) == 1


def test_a_put_in_needs_an_empty_door() -> None:
    story = _Story()
    story.put_in()
    story.oracle.act("put-in of LL2", None)
    story.oracle.pulsed("A01")
    other = Parcel("p2", "LL2", story.order)
    story.oracle.puts(other, "A01")
    assert len(story.oracle.violations) == 2


def test_more_than_three_pulses() -> None:
    story = _Story()
    story.put_in()
    for _ in range(4):
        story.oracle.act("again", {"A01"}, story.order)
        story.oracle.pulsed("A01")
    assert "pulsed 4 times" in story.oracle.violations[0]


def test_somebody_else_s_parcel() -> None:
    story = _Story()
    story.put_in()
    stranger = Order(2, "other", "grant2", "61830529", valid_for_s=3600.0)
    assert story.oracle.takes(stranger, "A01", Place.PERSON) is None
    assert "of somebody else" in story.oracle.violations[0]
