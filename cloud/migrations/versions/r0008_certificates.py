"""certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember until when the certificate of each station lasts, and who is invited to pair over the network."""
    op.add_column("sync_station", sa.Column("certificate_until_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "station_invite",
        sa.Column("station_id", sa.String(length=26), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("used_by", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("station_id"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("station_invite")
    op.drop_column("sync_station", "certificate_until_ms")
