"""What a stretch of work took: wall time, CPU of every thread of this process, bytes handed to the kernel."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

_IO = Path("/proc/self/io")
_NS = 1e9


@dataclass(slots=True)
class Meter:
    """`with Meter() as spent: …`; the figures stand in it afterwards."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    written: int = 0
    _start: tuple[float, float, int] = field(default=(0.0, 0.0, 0))

    def __enter__(self) -> "Meter":
        """Start to measure."""
        self._start = (time.perf_counter(), time.process_time(), _written())
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop."""
        wall_s, cpu_s, written = self._start
        self.wall_s = time.perf_counter() - wall_s
        self.cpu_s = time.process_time() - cpu_s
        self.written = _written() - written


def _written() -> int:
    """Return the bytes of every write so far (`wchar`: page cache or not, the file system decides)."""
    try:
        lines = _IO.read_text().splitlines()
    except OSError:  # a kernel without task I/O accounting
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("wchar:")), 0)


def process_cpu_s(pid: int) -> float:
    """Return the CPU seconds of all threads of another process (scheduler statistics, nanoseconds)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((one / "schedstat").read_text().split()[0]) for one in tasks) / _NS
