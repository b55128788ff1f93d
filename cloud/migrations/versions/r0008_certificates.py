"""certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember until when the certificate of each station lasts."""
    op.add_column("sync_station", sa.Column("certificate_until_ms", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("sync_station", "certificate_until_ms")
