"""blobs of stations."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table that says whose the files under `blobs/` are."""
    op.create_table(
        "sync_blob",
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("station_id", "digest"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("sync_blob")
