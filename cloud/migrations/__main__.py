"""Writes the next revision: migrates a scratch database, compares it with the rooms' tables."""

import sys
import tempfile
from pathlib import Path

from cloud.migrations import upgrade_tx, write_revision
from common.kit.sqldb import SqlDb


def main(message: str) -> None:
    """Make `versions/NNNN_<message>.py`; read it before you commit it."""
    with tempfile.TemporaryDirectory() as folder:
        db = SqlDb(f"sqlite:///{Path(folder) / 'scratch.db'}", inline=True)
        db.write_now(upgrade_tx)
        db.write_now(lambda connection: write_revision(connection, message))
        db.close()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "change")
