"""One probe beside a reference: read at the daemon's pace until it is still, and on while a person types."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from common.contract.calibration import ProbeCalibrated
from common.kit.errors import ConflictError, LinliError
from common.kit.said import Said
from edge.hardware.calibration import ProbeAsked, ProbeSaid
from provisioning.job import Job

_MOST_WAIT_S = 1500.0  # the station takes a probe back after half an hour
_CHECKS = 5


class Bath:
    """The probe in a technician's hands."""

    def __init__(self, job: Job, probe: str) -> None:
        """Ask about `probe` over the job's connection; with its end the station has the probe back."""
        self._job, self._probe = job, probe
        self._turn = asyncio.Lock()

    async def still(self) -> ProbeSaid:
        """Show readings until they may be compared; ConflictError when they never are."""
        loop, talk = asyncio.get_running_loop(), self._job.talk
        until_s, quality = loop.time() + _MOST_WAIT_S, ""
        while True:
            said = await self._read()
            if said.steady:
                talk.tell(
                    "still", "  still: %(raw)s °C (%(readings)s readings within %(spread)s K)",
                    **self._facts(said),
                )  # fmt: skip
                return said
            if said.quality.value != quality:
                quality = said.quality.value
                talk.tell("quality", "  probe %(probe)s: %(quality)s", **self._facts(said))
            talk.progress(
                "  %(raw)s °C, %(readings)s readings within %(spread)s K, waiting for %(span)s s of rest",
                **self._facts(said),
            )
            if talk.as_json:
                talk.tell("reading", "", **self._facts(said))
            if loop.time() > until_s:
                text = "probe %(probe)s does not come to rest; stir the water, look at its wires"
                raise ConflictError("calibration.unsteady", Said(text, probe=self._probe))
            await asyncio.sleep(said.pace_s)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Go on reading: what is compared must be of now, however long somebody thinks."""
        task = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def compare(self, asked: ProbeAsked) -> ProbeCalibrated:
        """Return what would be written, or was."""
        async with self._turn:
            record = (await self._job.leases.about_probe(asked)).record
        assert record is not None
        return record

    async def shown_c(self) -> float | None:
        """Return what the station shows now, from a few readings; None where it says no number."""
        said = [(await self._read()).shown_c for _ in range(_CHECKS)]
        known = [one for one in said if one is not None]
        return round(sum(known) / len(known), 2) if len(known) == _CHECKS else None

    async def give_back(self) -> None:
        """Let the station believe it about its zone again."""
        async with self._turn:
            await self._job.leases.about_probe(ProbeAsked(do="release", probe=self._probe))

    async def _read(self) -> ProbeSaid:
        async with self._turn:
            return await self._job.leases.about_probe(ProbeAsked(do="read", probe=self._probe))

    async def _go_on(self) -> None:
        with suppress(LinliError):  # whoever compares next is told
            while True:
                said = await self._read()
                await asyncio.sleep(said.pace_s)

    def _facts(self, said: ProbeSaid) -> dict[str, object]:
        return {
            "probe": self._probe, "raw": said.raw_c, "quality": said.quality.value,
            "readings": said.readings, "spread": said.spread_k, "span": said.span_s,
        }  # fmt: skip
