"""`python -m linli.world SEED`: live one day, print what it left behind as one JSON line; it repeats by seed."""

import json
import logging
import os
import sys
import tempfile
from pathlib import Path

from device_sim.config import load
from linli.world.day import day
from linli.world.loop import run_virtual

_CABINET = Path(__file__).parents[2] / "cabinets" / "yangguangli-3.toml"


def main(seed: int) -> None:
    """Run the day of `seed` on a scratch folder."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    cabinet = load(_CABINET, os.environ)
    with tempfile.TemporaryDirectory() as scratch:
        result = run_virtual(seed, lambda loop: day(loop, seed, cabinet, Path(scratch)))
    sys.stdout.write(json.dumps({"seed": seed} | result.record()) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
