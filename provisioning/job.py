"""What every step has in hand: the record, the conversation, the leases; kept and given back however it ends."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from common.kit.clock import Clock, SystemClock
from common.ui.terminal import texts_of
from provisioning.hands import BenchHands
from provisioning.lease import Leases, hold_folder
from provisioning.record import Record, load_record, save_record
from provisioning.talk import Talk


@dataclass(slots=True)
class Job:
    """One run of one sub-command."""

    data: Path
    record: Record
    talk: Talk
    clock: Clock
    leases: Leases

    def keep(self, **parts: object) -> None:
        """Put new parts into the record and write it: from here on an interruption loses nothing of them."""
        self.record = self.record.with_(**parts)
        save_record(self.data, self.record)


@asynccontextmanager
async def open_job(
    data: Path,
    *,
    as_json: bool = False,
    lang: str | None = None,
    answers: Path | None = None,
    bench: str | None = None,
) -> AsyncIterator[Job]:
    """Hold the folder and know what is known; ends every lease."""
    with hold_folder(data):
        talk = Talk(
            texts_of(lang, os.environ),
            as_json=as_json,
            answers=answers,
            out=sys.stdout,
            hands=None if bench is None else BenchHands(bench),
        )
        job = Job(data, load_record(data), talk, SystemClock(), Leases(data))
        try:
            yield job
        finally:
            await job.leases.close()
