"""when the hub swept."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember the time of the last sweep, to notice a clock that jumped."""
    op.create_table(
        "hub_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("swept_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("hub_clock")
