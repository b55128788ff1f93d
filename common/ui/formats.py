"""Numbers, money, temperatures and times as people of either language write them.

Two languages need no locale database; the tests compare with Babel's.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAYS_ZH = "一二三四五六日"
_MINUS = "−"  # U+2212: as wide as plus, read as minus
NO_VALUE = "—"
_UNITS = ((86400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min"), (1, "秒", "s"))


class Formats:
    """Formatting of one language in one time zone."""

    def __init__(self, *, chinese: bool, timezone: str) -> None:
        """Write for Chinese or English readers; `timezone` is an IANA name."""
        self._zh = chinese
        self.zone = ZoneInfo(timezone)

    def number(self, value: float, digits: int = 0) -> str:
        """Return `1,234.5` with `digits` places and a real minus sign."""
        return f"{value:,.{digits}f}".replace("-", _MINUS)

    def celsius(self, value_c: float | None, digits: int = 1) -> str:
        """Return `3.6 °C`, or a dash when there is no reading."""
        return NO_VALUE if value_c is None else f"{self.number(value_c, digits)} °C"

    def money(self, fen: int) -> str:
        """Return `¥12.80` of integer fen."""
        sign = _MINUS if fen < 0 else ""
        return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"

    def code(self, digits: str) -> str:
        """Return a pickup code in groups of four."""
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))

    def ordinal(self, n: int) -> str:
        """Return `4` in Chinese (the sentence has 第), `4th` in English."""
        if self._zh:
            return str(n)
        ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
        return f"{n}{ending}"

    def time(self, moment: datetime, *, seconds: bool = False) -> str:
        """Return `08:41` or `08:41:20` in the station's zone; `moment` must be aware."""
        local = self._local(moment)
        return f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"

    def date(self, day: date | datetime, *, weekday: bool = False) -> str:
        """Return `10月13日` or `13 Oct`, with the weekday if asked."""
        local = self._local(day) if isinstance(day, datetime) else day
        if self._zh:
            name = f" 星期{_DAYS_ZH[local.weekday()]}" if weekday else ""
            return f"{local.month}月{local.day}日{name}"
        name = f"{_DAYS_EN[local.weekday()]}, " if weekday else ""
        return f"{name}{local.day} {_MONTHS[local.month - 1]}"

    def moment(self, moment: datetime) -> str:
        """Return date and time: `10月13日 08:41` or `13 Oct 08:41`."""
        return f"{self.date(moment)} {self.time(moment)}"

    def duration(self, seconds: float) -> str:
        """Return the largest whole unit: `27 分钟`, `27 min`."""
        whole = max(0, round(seconds))
        size, zh, en = next(unit for unit in _UNITS if whole >= unit[0] or unit[0] == 1)
        return f"{whole // size} {zh if self._zh else en}"

    def _local(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            raise ValueError("a naive datetime has no place on a page: give it a time zone")
        return moment.astimezone(self.zone)
