"""revocation epoch."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
_COLUMNS = ("revocation_epoch", "certificate_floor", "certificate_op")


def upgrade() -> None:
    """Number what is revoked at a station, so that no older capsule or certificate counts there."""
    for name in _COLUMNS:
        op.add_column(
            "station", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        )


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("station") as table:
        for name in _COLUMNS:
            table.drop_column(name)
