"""Damage of `state.db`: copies, recovery before the start, what must not be believed afterwards (decision 0027)."""

from edge.salvage.copies import Copies, Keep
from edge.salvage.guard import StateGuard, state_sums
from edge.salvage.recover import Recovery, untold

__all__ = ["Copies", "Keep", "Recovery", "StateGuard", "state_sums", "untold"]
