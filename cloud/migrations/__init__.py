"""The hub's schema, step by step: Alembic revisions for SQLite and PostgreSQL alike.

`python -m cloud.migrations "what changed"` writes the next revision from the rooms' tables.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData
from sqlalchemy.engine import Connection

from cloud.access.models import metadata as access
from cloud.api.models import metadata as api
from cloud.catalog.models import metadata as catalog
from cloud.cdp.models import metadata as cdp
from cloud.money.models import metadata as money
from cloud.orders.models import metadata as orders
from cloud.stations.models import metadata as stations
from cloud.sync.models import metadata as sync

METADATA: tuple[MetaData, ...] = (sync, access, catalog, cdp, money, stations, orders, api)
"""Every room's tables; a test compares them with the migrated schema on both engines."""

_HERE = Path(__file__).parent
_TIDY = {
    "check": "check -q --fix REVISION_SCRIPT_FILENAME",
    "format": "format -q REVISION_SCRIPT_FILENAME",
}
"""What ruff does to a fresh revision, so that `make lint` takes it as it is."""


def upgrade_tx(connection: Connection) -> None:
    """Bring the schema to the newest revision, inside the caller's transaction."""
    command.upgrade(_config(connection), "head")


def revision_tx(connection: Connection) -> str | None:
    """Return the revision the database stands at."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """Return the newest revision there is."""
    return ScriptDirectory(str(_HERE)).get_current_head()


def write_revision(connection: Connection, message: str) -> None:
    """Write the next revision, tidied, from the difference between the database and the rooms' tables."""
    config = _config(connection)
    config.set_section_option("post_write_hooks", "hooks", ",".join(_TIDY))
    for hook, options in _TIDY.items():
        config.set_section_option("post_write_hooks", f"{hook}.type", "module")
        config.set_section_option("post_write_hooks", f"{hook}.module", "ruff")
        config.set_section_option("post_write_hooks", f"{hook}.options", options)
    command.revision(config, message, autogenerate=True, rev_id=_next_number())


def _next_number() -> str:
    newest = max(int(path.name[1:5]) for path in _HERE.glob("versions/r*.py"))
    return f"{newest + 1:04d}"


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection, "metadata": METADATA})
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    return config
