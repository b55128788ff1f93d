"""Answers a technician who compares probes with a reference; every rule of a calibration is here, none in her command.

While she has a probe in her hands its readings say nothing of its zone: they are kept without numbers until she
gives it back, her connection ends or half an hour is over.
"""

import asyncio
import sqlite3
from collections.abc import Mapping
from datetime import timedelta

from common.contract.calibration import ProbeCalibrated
from common.contract.words import Quality
from common.kit.chance import Chance
from common.kit.clock import Clock, to_ms
from common.kit.errors import ConflictError, InvalidError, LinliError
from common.kit.failpoints import fp
from common.kit.ids import new_id
from common.kit.said import Said, listed
from common.kit.sqlite import Db
from edge.climate.calibrations import CalibratedProbe, Calibrations, append_tx
from edge.climate.steady import FEWEST, Steady
from edge.config import StationConfig
from edge.hardware.calibration import ProbeAsked, ProbeSaid, ProbeState
from edge.hardware.ports import ProbeReading
from edge.sync import Outbox

OUT_S = 1800.0
READINGS_A_SPAN = 30


class CalibrationDesk:
    """What the sessions share."""

    def __init__(
        self,
        probes: Mapping[str, CalibratedProbe],
        calibrations: Calibrations,
        config: StationConfig,
        db: Db,
        outbox: Outbox,
        clock: Clock,
        chance: Chance,
    ) -> None:
        """Compare `probes`, by name; keep records in `db` and tell them to the hub."""
        self.rules = config.calibration
        self.writing = asyncio.Lock()
        """Held from the look at the newest record until the next one rules."""
        self.calibrations, self.clock = calibrations, clock
        self._probes, self._chance = dict(probes), chance
        self._db, self._outbox = db, outbox
        self._kinds = {zone.name: zone.probe_kind for zone in config.zone}

    def session(self) -> "CalibrationSession":
        """Return what one connection works with."""
        return CalibrationSession(self)

    def states(self) -> tuple[ProbeState, ...]:
        """Return every probe with the record that rules."""
        return tuple(
            ProbeState(
                probe=name,
                zone=probe.zone,
                kind=self._kinds[probe.zone],
                record=self.calibrations.of(name),
            )
            for name, probe in self._probes.items()
        )

    def probe(self, name: str) -> CalibratedProbe:
        """Return a probe; InvalidError names those there are."""
        if name not in self._probes:
            known = listed(list(self._probes))
            said = Said(
                "there is no probe %(probe)s; there are %(known)s", probe=repr(name), known=known
            )
            raise InvalidError("calibration.no_probe", said)
        return self._probes[name]

    def draft(self, asked: ProbeAsked, **said: object) -> ProbeCalibrated:
        """Return a record behind the one that rules now."""
        if not asked.by:
            raise InvalidError("calibration.by", "say who calibrates (--by NAME)")
        before = self.calibrations.of(asked.probe)
        made: dict[str, object] = {
            "calibration_id": new_id(self.clock, self._chance),
            "probe": asked.probe,
            "number": before.number + 1 if before else 1,
            "zone": self.probe(asked.probe).zone,
            "supersedes": before.calibration_id if before else None,
            "by": asked.by,
            "at_ms": to_ms(self.clock.wall()),
            "instrument": asked.instrument,
            "certificate_until": asked.certificate_until,
        }
        return ProbeCalibrated.model_validate(made | said)

    async def keep(self, record: ProbeCalibrated) -> None:
        """Write it and tell the hub, in one commit; from then on it rules."""
        at = self.clock.wall()

        def tx(conn: sqlite3.Connection) -> None:
            append_tx(conn, record)
            self._outbox.append_tx(conn, record, occurred_at=at)

        await self._db.write(tx)
        self.calibrations.put(record)
        fp("climate.calibration_committed")
        self._outbox.kick()


class CalibrationSession:
    """One technician's connection."""

    def __init__(self, desk: CalibrationDesk) -> None:
        """Have no probe in hand yet."""
        self._desk = desk
        self._hands: dict[str, Steady] = {}

    async def answer(self, asked: ProbeAsked) -> ProbeSaid:
        """Do what is asked; LinliError says why not, and then nothing has changed."""
        match asked.do:
            case "read":
                return await self._read(asked.probe)
            case "propose":
                return await self._compare(asked)
            case "write":
                async with self._desk.writing:
                    said = await self._compare(asked)
                    assert said.record is not None
                    await self._desk.keep(said.record)
                return said
            case "withdraw":
                async with self._desk.writing:
                    return await self._withdraw(asked)
            case "release":
                self._release(asked.probe)
                return ProbeSaid(probes=self._desk.states())
            case "list":
                return ProbeSaid(probes=self._desk.states())

    def close(self) -> None:
        """Give every probe back."""
        for name in list(self._hands):
            self._release(name)

    def _release(self, name: str) -> None:
        if self._hands.pop(name, None) is not None:
            self._desk.calibrations.bring_back(name)

    async def _read(self, name: str) -> ProbeSaid:
        desk = self._desk
        probe = desk.probe(name)
        if name not in self._hands:
            if desk.calibrations.is_out(name):
                said = Said("somebody else calibrates probe %(probe)s", probe=name)
                raise ConflictError("calibration.held", said)
            self._hands[name] = Steady(desk.rules.steady_s, desk.rules.steady_k)
            desk.calibrations.take_out(name, OUT_S)
        elif not desk.calibrations.is_out(name):
            del self._hands[name]
            text = (
                "probe %(probe)s was out of its zone for half an hour; hang it back and begin anew"
            )
            raise ConflictError("calibration.too_long", Said(text, probe=name))
        return self._said(name, await self._take(probe))

    async def _take(self, probe: CalibratedProbe) -> ProbeReading:
        reading = await probe.raw()
        self._hands[probe.name].add(self._desk.clock.monotonic_s(), reading.temperature_c)
        return reading

    def _said(self, name: str, reading: ProbeReading) -> ProbeSaid:
        seen, rules = self._hands[name], self._desk.rules
        return ProbeSaid(
            raw_c=reading.temperature_c,
            shown_c=self._desk.probe(name).corrected(reading).temperature_c,
            quality=reading.quality,
            readings=len(seen.readings_c),
            spread_k=seen.spread_k,
            steady=seen.is_steady,
            span_s=rules.steady_s,
            pace_s=rules.steady_s / READINGS_A_SPAN,
        )

    async def _compare(self, asked: ProbeAsked) -> ProbeSaid:
        """Return the record that compares the steady readings, and one more now, with the reference."""
        probe, rules = self._desk.probe(asked.probe), self._desk.rules
        if asked.reference_c is None or not asked.instrument:
            detail = "say what the reference shows and what it is (--reference-c, --instrument)"
            raise InvalidError("calibration.reference", detail)
        if asked.probe not in self._hands or not self._hands[asked.probe].is_steady:
            raise _unsteady(asked.probe, rules.steady_s, rules.steady_k)
        seen = self._hands[asked.probe].readings_c
        offset_k = round(asked.reference_c - self._hands[asked.probe].mean_c, 2)
        if abs(offset_k) > rules.most_offset_k:
            raise _too_far(asked.probe, offset_k, rules.most_offset_k)
        last = await self._take(probe)
        if last.quality is not Quality.GOOD or not self._hands[asked.probe].is_steady:
            raise _unsteady(asked.probe, rules.steady_s, rules.steady_k)
        assert last.temperature_c is not None
        due = self._desk.clock.wall() + timedelta(days=rules.due_days)
        record = self._desk.draft(
            asked,
            kind="offset",
            offset_k=offset_k,
            reference_c=asked.reference_c,
            readings_c=seen,
            after_c=round(last.temperature_c + offset_k, 2),
            due_at_ms=to_ms(due),
            reason="",
        )
        return self._said(asked.probe, last).model_copy(update={"record": record})

    async def _withdraw(self, asked: ProbeAsked) -> ProbeSaid:
        ruling = self._desk.calibrations.of(self._desk.probe(asked.probe).name)
        if ruling is None or ruling.kind == "withdrawn":
            said = Said("probe %(probe)s has no offset to withdraw", probe=asked.probe)
            raise InvalidError("calibration.none", said)
        if not asked.reason:
            raise InvalidError("calibration.reason", "say why it is withdrawn (--reason)")
        record = self._desk.draft(
            asked,
            kind="withdrawn",
            offset_k=0.0,
            reference_c=None,
            readings_c=(),
            after_c=None,
            due_at_ms=None,
            reason=asked.reason,
        )
        await self._desk.keep(record)
        return ProbeSaid(probes=self._desk.states(), record=record)


def _too_far(probe: str, offset_k: float, most_k: float) -> LinliError:
    said = Said(
        "probe %(probe)s is %(off)s K off, more than %(most)s K: it is broken or not beside the reference; look at its"
        " wires, change it",
        probe=probe, off=f"{abs(offset_k):.2f}", most=f"{most_k:g}",
    )  # fmt: skip
    return ConflictError("calibration.too_far", said)


def _unsteady(probe: str, span_s: float, spread_k: float) -> LinliError:
    said = Said(
        "probe %(probe)s has not been still yet: %(fewest)s or more good readings within %(spread)s K over %(span)s s;"
        " leave it beside the reference, stir the water, wait",
        probe=probe, fewest=FEWEST, spread=f"{spread_k:g}", span=f"{span_s:g}",
    )  # fmt: skip
    return ConflictError("calibration.unsteady", said)
