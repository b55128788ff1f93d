"""Reading /proc as the bench does."""

from linli.bench.footprint import memory_mib


def test_memory_lines_become_mib() -> None:
    status = "Name:\tpython\nVmHWM:\t   92160 kB\nVmRSS:\t   61440 kB\nThreads:\t5\n"
    assert memory_mib(status) == {"VmHWM": 90.0, "VmRSS": 60.0}
