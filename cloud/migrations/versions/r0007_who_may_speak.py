"""who may speak."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tell a process from a copy of its disk; remember daemons that were turned away, and keys that were revoked."""
    op.add_column("sync_station", sa.Column("revoked_key", sa.LargeBinary(), nullable=True))
    op.add_column("sync_station", sa.Column("hello_from", sa.BigInteger(), nullable=True))
    op.add_column("sync_station", sa.Column("run_id", sa.Text(), nullable=True))
    op.create_table(
        "sync_claim",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("hello_id", sa.Text(), nullable=False),
        sa.Column("install_id", sa.Text(), nullable=False),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.Column("backlog_facts", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("admitted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("station_id", "hello_id"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("sync_claim")
    op.drop_column("sync_station", "run_id")
    op.drop_column("sync_station", "hello_from")
    op.drop_column("sync_station", "revoked_key")
