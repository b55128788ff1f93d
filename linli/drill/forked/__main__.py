"""`python -m linli.drill.forked`: survey which scene passes which failpoint; redirect it to `passings.json`."""

import logging
import sys
import tempfile
from pathlib import Path

from linli.drill.forked.ground import Ground
from linli.drill.forked.survey import surveyed, written


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Survey on a scratch folder."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as scratch:
        ground = Ground(Path(scratch) / "ground")
        ground.prepare()
        found = surveyed(ground, _tell)
    sys.stdout.write(written(found))


if __name__ == "__main__":
    main()
