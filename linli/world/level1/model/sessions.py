"""Who speaks for the station at the model hub: one session at a time, so that a copy of a station is noticed."""

from dataclasses import replace

from common.contract.protocol import Hello, HelloAnswer, Positions
from common.contract.versions import OURS, highest_common
from common.contract.words import Lane
from common.kit.failpoints import fp as passes
from linli.world.level1.model import feed
from linli.world.level1.model.books import Books, Claim, Keeping, Speaker

LEASE_MS = 5 * 60 * 1000
HEARD_EVERY_MS = 30_000


def hello(books: Books, said: Hello, now_ms: int) -> HelloAnswer | None:
    """Open, renew or refuse (None) a session."""
    speaker = books.speaker
    session = _session(books, said, now_ms)
    if session is None:
        return None
    lowest = said.boot_epoch
    if not _is_same(speaker, said) and said.boot_epoch <= speaker.boot_epoch:
        lowest = speaker.boot_epoch + 1
    first_time = speaker.hello_id != said.hello_id
    books.speaker = replace(
        books.speaker,
        session=session,
        install_id=said.install_id,
        hello_id=said.hello_id,
        hello_from=said.session if first_time else speaker.hello_from,
        run_id=said.run_id or speaker.run_id,
        boot_epoch=max(lowest, speaker.boot_epoch),
        heard_ms=now_ms,
    )
    gen = _generation(books, said)
    passes("sync.hub.hello_written")
    spoken = said.protos is not None
    return HelloAnswer(
        session=session,
        min_boot_epoch=lowest,
        gen=gen,
        head_op=speaker.head_op,
        server_time_ms=now_ms,
        acked=Positions(facts=books.heads[Lane.FACTS], telemetry=books.heads[Lane.TELEMETRY]),
        proto=highest_common(OURS.protos, said.protos) if spoken else None,
        projection=highest_common(OURS.projections, said.projections) if spoken else None,
    )


def _session(books: Books, said: Hello, now_ms: int) -> int | None:
    speaker = books.speaker
    if _is_same(speaker, said):
        return speaker.session
    if not _is_heir(speaker, said) and not _may_take_over(books, said, now_ms):
        return None
    books.claims.pop(said.hello_id, None)
    return max(speaker.session, said.session) + 1


def _is_same(speaker: Speaker, said: Hello) -> bool:
    """Return whether the very process of the session speaks."""
    same_run = said.run_id is None or speaker.run_id in (None, said.run_id)
    same_disk = (speaker.hello_id, speaker.install_id) == (said.hello_id, said.install_id)
    return same_run and same_disk


def _is_heir(speaker: Speaker, said: Hello) -> bool:
    """Return whether the hello comes from the disk of whoever holds the session."""
    if speaker.install_id is None:
        return True
    unheard = said.hello_id == speaker.hello_id and said.session == speaker.hello_from
    return speaker.install_id == said.install_id and (said.session >= speaker.session or unheard)


def _may_take_over(books: Books, said: Hello, now_ms: int) -> bool:
    """Return whether the one that holds the session is dead, as far as anybody can know."""
    claim = books.claims.setdefault(said.hello_id, Claim(now_ms))
    heard_ms = books.speaker.heard_ms
    silent = heard_ms is None or now_ms - heard_ms > LEASE_MS
    may = silent and not (heard_ms is not None and heard_ms > claim.first_ms)
    books.odd["taken_over" if may else "fenced"] = f"install {said.install_id}"
    return may


def _generation(books: Books, said: Hello) -> int:
    """Return the generation; a new one when the station has seen rows that were never given."""
    speaker = books.speaker
    if said.gen < speaker.gen:
        return speaker.gen
    if said.gen == speaker.gen and said.op <= speaker.head_op:
        ours = feed.digest_at(books, said.op)
        if ours is None or ours.hex() == said.digest:
            return speaker.gen
    return feed.new_generation(books, said.gen)


def heard(keeping: Keeping, now_ms: int) -> None:
    """Note that the station polls, now and then."""
    last_ms = keeping.books.speaker.heard_ms
    if last_ms is None or now_ms - last_ms > HEARD_EVERY_MS:
        note_heard(keeping.books, now_ms)


def note_heard(books: Books, now_ms: int) -> None:
    """Note that the station was heard."""
    books.speaker = replace(books.speaker, heard_ms=now_ms)
