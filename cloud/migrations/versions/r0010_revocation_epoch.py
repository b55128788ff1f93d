"""revocation epoch."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Number what is revoked at a station, so that no older capsule counts there."""
    op.add_column(
        "station",
        sa.Column("revocation_epoch", sa.BigInteger(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("station") as table:
        table.drop_column("revocation_epoch")
