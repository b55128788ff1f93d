"""A forked program whose parent has gone ends without a word, whether it was listening or telling."""

import subprocess
import sys

import pytest

from tests.parts import ROOT

CHILD = """
import os
from linli.drill.forked.pipe import Child
read, write = os.pipe()
def main(pipe):
    os.close(write)
    os.read(read, 1)  # until the parent has gone
    {act}
child = Child(main)
child._pipe.close()
os.close(write)
print(os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]))
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("act", ["pipe.recv()", "pipe.send('late')"])
def test_a_child_without_a_parent_ends_in_silence(act: str) -> None:
    script = CHILD.format(act=act)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
