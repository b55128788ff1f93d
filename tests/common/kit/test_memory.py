"""Argon2's memory is given back, also after the second call (the first one teaches glibc to keep it)."""

import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from common.kit.codes import code_verifier
from common.kit.memory import keep_small

def resident_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

if sys.argv[1] == "small":
    assert keep_small()
before = resident_kib()
for code in ("40718253", "90817263", "51627384"):
    code_verifier(pepper=b"p" * 32, salt=b"s" * 16, station_id="station", code=code)
print(resident_kib() - before)
"""


def _kept_mib(mode: str) -> float:
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, mode], capture_output=True, text=True, check=True
    )
    return int(ran.stdout) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_argon2_leaves_nothing_behind() -> None:
    assert _kept_mib("small") < 4
