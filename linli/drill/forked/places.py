"""Every failpoint that a run may pass, by program; tests hold the list against the code."""

from linli.drill.forked.survey import passings

PLACES: tuple[str, ...] = tuple(sorted({place for found in passings().values() for place in found}))
"""`program/failpoint`."""
