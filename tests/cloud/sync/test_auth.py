"""Replays are refused in bounded memory, and nobody honest is locked out."""

from cloud.sync.auth import WINDOW_MS, NonceBook

NOW_MS = 1_780_000_000_000
STATION = "01JZ0000000000000000000001"


def test_a_nonce_is_good_once() -> None:
    subject = NonceBook(NOW_MS)
    assert subject.first_time(STATION, "n1", NOW_MS, NOW_MS)
    assert not subject.first_time(STATION, "n1", NOW_MS, NOW_MS)
    assert subject.first_time("another", "n1", NOW_MS, NOW_MS)


def test_what_was_signed_before_this_process_began_is_too_old() -> None:
    subject = NonceBook(NOW_MS)
    assert subject.is_too_old(STATION, NOW_MS - 1)
    assert not subject.is_too_old(STATION, NOW_MS)


def test_what_is_forgotten_is_too_old_to_be_replayed() -> None:
    subject = NonceBook(NOW_MS, keep=10)
    for number in range(25):
        assert subject.first_time(STATION, f"n{number}", NOW_MS + number, NOW_MS + number)
    for number in range(25):
        at_ms = NOW_MS + number
        replayed = not subject.is_too_old(STATION, at_ms) and subject.first_time(
            STATION, f"n{number}", at_ms, NOW_MS + 30
        )
        assert not replayed, f"n{number} got through twice"
    assert not subject.is_too_old(STATION, NOW_MS + 25), "the next honest one gets through"
    assert not subject.is_too_old("another", NOW_MS), "one station's burst is its own"


def test_nonces_behind_the_window_cost_no_memory() -> None:
    subject = NonceBook(NOW_MS)
    later_ms = NOW_MS + WINDOW_MS + 1
    assert subject.first_time(STATION, "old", NOW_MS, NOW_MS)
    assert subject.first_time(STATION, "new", later_ms, later_ms)
    assert subject.first_time(STATION, "old", later_ms, later_ms), "its own time refuses it by then"


def test_a_hub_whose_clock_was_put_back_hears_its_stations_again() -> None:
    subject = NonceBook(NOW_MS)
    assert subject.first_time(STATION, "n1", NOW_MS, NOW_MS)
    back_ms = NOW_MS - 365 * 86_400_000
    subject.note_time(back_ms)
    assert not subject.is_too_old(STATION, back_ms)
    assert subject.is_too_old(STATION, back_ms - 1), "what was signed before that moment stays out"
    subject.note_time(back_ms - WINDOW_MS)
    assert subject.is_too_old(STATION, back_ms - 1), "a small step keeps the book"
