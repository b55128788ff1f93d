"""A key counts once, whoever sends it how often."""

from edge.screen.once import OnceKeys


def test_a_key_works_once() -> None:
    subject = OnceKeys("a")
    key = subject.fresh()
    assert subject.take(key)
    assert not subject.take(key)
    assert subject.take(subject.fresh())


def test_no_key_never_works() -> None:
    assert not OnceKeys("a").take("")
    assert not OnceKeys("a").take("x" * 65)


def test_a_key_of_an_earlier_run_still_works_once() -> None:
    subject = OnceKeys("b")
    assert subject.take("a-1")
    assert not subject.take("a-1")


def test_forgets_only_what_is_old() -> None:
    subject = OnceKeys("a")
    keys = [subject.fresh() for _ in range(600)]
    assert all(subject.take(key) for key in keys)
    assert not subject.take(keys[-1])
    assert not subject.take(keys[100])
