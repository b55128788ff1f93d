"""The model's log down (reference sync F.1): one op a change, an additive digest, pages, a whole snapshot, segments."""

from dataclasses import replace
from itertools import islice
from typing import NoReturn

from common.contract import protocol
from common.contract.base import Message
from common.contract.digest import EMPTY, SEGMENTS, moved, row_hash, segment_of
from common.contract.replica import row_key
from common.kit.errors import ConflictError, RefusedError
from common.kit.failpoints import fp as passes
from linli.world.level1.model.books import Books, Op, Row, Speaker

KEEP_OPS = 10_000


def put(books: Books, table: str, row: Message) -> int:
    """Give the station a row; an equal one keeps the op it has."""
    return _change(books, table, row_key(table, row), row.model_dump_json())


def delete(books: Books, table: str, key: str) -> int:
    """Take a row away; one that is not there costs no op."""
    return _change(books, table, key, None)


def _change(books: Books, table: str, key: str, body: str | None) -> int:
    speaker, old = books.speaker, books.rows.get((table, key))
    added = None if body is None else row_hash(table, key, body)
    if added == (old.hash if old else None):
        return old.op if old else speaker.head_op
    op = speaker.head_op + 1
    digest = moved(speaker.digest, removed=old.hash if old else None, added=added)
    if body is None or added is None:
        del books.rows[table, key]
    else:
        books.rows[table, key] = Row(body, added, op)
    books.ops.append(Op(op, table, key, body, digest))
    floor = speaker.floor_op
    if op - 1 - floor > 2 * KEEP_OPS:
        floor = op - KEEP_OPS
        books.ops = [one for one in books.ops if one.op > floor]
    books.speaker = replace(speaker, head_op=op, digest=digest, floor_op=floor)
    passes("sync.hub.op_written")
    return op


def digest_at(books: Books, op: int) -> bytes | None:
    """Return the digest after `op`; None when that op is not known."""
    speaker = books.speaker
    if op == speaker.head_op:
        return speaker.digest
    if op == 0:
        return EMPTY if speaker.floor_op == 0 else None
    number = op - books.ops[0].op if books.ops else -1
    return books.ops[number].digest if 0 <= number < len(books.ops) else None


def new_generation(books: Books, above: int) -> int:
    """Begin a generation above all known ones: the station takes everything anew."""
    gen = max(books.speaker.gen, above) + 1
    books.speaker = replace(books.speaker, gen=gen, floor_op=books.speaker.head_op, applied_op=0)
    return gen


def check_session(speaker: Speaker, session: int) -> None:
    """Refuse an older session and one that was never given."""
    if session < speaker.session:
        raise RefusedError("sync.fenced", "a newer session speaks for this station")
    if session > speaker.session or session == 0:
        raise ConflictError("sync.hello_first", "the hub does not know this session")


def ops(books: Books, query: protocol.OpsQuery) -> protocol.OpsAnswer | None:
    """Return the next page; None: nothing new."""
    speaker = books.speaker
    _same_generation(speaker, query.gen)
    if query.after > speaker.head_op:
        _resnapshot("ahead")
    ours = digest_at(books, query.after)
    if ours is None or query.after < speaker.floor_op:
        _resnapshot("compacted")
    if ours.hex() != query.digest:
        _resnapshot("digest")
    if query.after == speaker.head_op:
        return None
    first = query.after + 1 - books.ops[0].op
    page = list(islice(books.ops, first, first + min(query.limit, protocol.MAX_OPS)))
    return protocol.OpsAnswer(
        gen=speaker.gen,
        after=query.after,
        to=page[-1].op,
        head=speaker.head_op,
        digest=page[-1].digest.hex(),
        ops=tuple(
            protocol.Op(op=one.op, table=one.table, key=one.key, body=one.body) for one in page
        ),
    )


def snapshot(books: Books, query: protocol.SnapshotQuery) -> protocol.SnapshotPage:
    """Return rows behind a place, all as of one op."""
    speaker = books.speaker
    _same_generation(speaker, query.gen)
    if query.as_of is not None and query.as_of != speaker.head_op:
        raise ConflictError("sync.moved", "the rows changed between two pages: start again")
    wanted = frozenset(bytes.fromhex(query.segments))
    behind = [
        (table, key, row.body)
        for (table, key), row in sorted(books.rows.items())
        if (table, key) > (query.table, query.key)
        and (not wanted or segment_of(table, key) in wanted)
    ]
    return protocol.SnapshotPage(
        gen=speaker.gen,
        as_of=speaker.head_op,
        digest=speaker.digest.hex(),
        rows=tuple(
            protocol.SnapshotRow(table=table, key=key, body=body)
            for table, key, body in behind[: protocol.SNAPSHOT_ROWS]
        ),
        more=len(behind) > protocol.SNAPSHOT_ROWS,
    )


def digests(books: Books, query: protocol.DigestsQuery) -> protocol.DigestsAnswer:
    """Return one digest a segment."""
    _same_generation(books.speaker, query.gen)
    segments = [EMPTY] * SEGMENTS
    for (table, key), row in books.rows.items():
        number = segment_of(table, key)
        segments[number] = moved(segments[number], removed=None, added=row.hash)
    return protocol.DigestsAnswer(
        gen=books.speaker.gen,
        op=books.speaker.head_op,
        digest=books.speaker.digest.hex(),
        segments=tuple(part.hex() for part in segments),
    )


def _same_generation(speaker: Speaker, gen: int) -> None:
    if gen != speaker.gen:
        _resnapshot("gen_changed")


def _resnapshot(reason: str) -> NoReturn:
    raise ConflictError("sync.resnapshot", f"take a snapshot: {reason}", reason=reason)
