"""The ledger of the sync drill, on stories told by hand: it must neither sleep nor cry wolf."""

from linli.world.level2.ledger import Ledger
from linli.world.trace import Trace


def _told(*names: str) -> Ledger:
    subject = Ledger(Trace())
    for name in names:
        subject.tell(name)
    return subject


def test_what_arrived_once_and_in_order_is_no_violation() -> None:
    subject = _told("F1", "F2")
    subject.reckon_facts(["F1", "F2"])
    subject.reckon_rows({"A": "1"}, {"A": "1"})
    assert subject.violations == []


def test_lost_twice_invented_and_out_of_order() -> None:
    subject = _told("F1", "F2", "F3")
    subject.reckon_facts(["F3", "F2", "F2", "F9"])
    said = " ".join(subject.violations)
    assert "F1 is lost" in said
    assert "F2 took effect 2 times" in said
    assert "F9 was never told" in said
    assert "out of order" in said


def test_what_an_image_took_back_may_be_missing_but_not_what_was_told_before() -> None:
    subject = _told("F1")
    subject.image()
    subject.tell("F2")
    subject.back_to_image()
    subject.tell("F3")
    subject.reckon_facts(["F1", "F3"])
    assert subject.violations == []
    subject.reckon_facts(["F3"])
    assert subject.violations == ["the fact F1 is lost"]


def test_a_row_that_differs() -> None:
    subject = Ledger(Trace())
    subject.reckon_rows({"A": "1", "B": "2"}, {"A": "0"})
    assert len(subject.violations) == 2
