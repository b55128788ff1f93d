"""Keys that make a form count once, however often a tired finger sends it.

Every rendered form carries a fresh key; a key works a single time. They guard against repetition, not
against attackers (Origin, Host and CSRF checks do that), so a counter is enough.
"""

from collections import OrderedDict

_REMEMBERED = 512


class OnceKeys:
    """Hands out keys and remembers the used ones."""

    def __init__(self, start: str) -> None:
        """Name this run of the program by `start`, so that keys of an earlier run still work once."""
        self._start = start
        self._made = 0
        self._used: OrderedDict[str, None] = OrderedDict()

    def fresh(self) -> str:
        """Return a key never handed out before."""
        self._made += 1
        return f"{self._start}-{self._made:x}"

    def take(self, key: str) -> bool:
        """Return True the first time `key` is presented; False for a repetition or no key."""
        if not key or len(key) > 64 or key in self._used:
            return False
        self._used[key] = None
        if len(self._used) > _REMEMBERED:
            self._used.popitem(last=False)
        return True
