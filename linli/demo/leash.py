"""`python -m linli.demo.leash PARENT …`: runs `linli …` in this process, which the system kills when its parent dies.

Without it a `kill -9` of the demo would leave hub, simulator and daemon running, with their ports and locks. The
programs themselves know nothing of it. Linux keeps the wish across exec, by which the daemon becomes itself.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def command(*arguments: str) -> tuple[str, ...]:
    """Return the command line that runs `linli …` for as long as this process lives.

    Start it from a thread that lives as long: the system watches the thread, not the process.
    """
    return (sys.executable, "-m", __name__, str(os.getpid()), *arguments)


def die_with(parent: int) -> None:
    """Let the system kill this process when `parent` ends; at once when it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"the demo {parent} has ended already")


def main() -> None:
    """Take the lead, then be `linli`."""
    parent, *arguments = sys.argv[1:]
    die_with(int(parent))
    sys.argv = ["linli", *arguments]
    from linli.cli import main as linli

    linli()


if __name__ == "__main__":
    main()
