"""grants that were given away."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a grant be the child of another, with a name for people and a link of its own."""
    with op.batch_alter_table("pickup_grant") as table:
        table.add_column(sa.Column("parent_id", sa.String(26), nullable=True))
        table.add_column(sa.Column("given_to", sa.String(40), nullable=True))
        table.add_column(sa.Column("link_hash", sa.LargeBinary(32), nullable=True))
        table.create_index("ix_pickup_grant_parent_id", ["parent_id"])
        table.create_index("uq_pickup_grant_link", ["link_hash"], unique=True)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("pickup_grant") as table:
        table.drop_index("uq_pickup_grant_link")
        table.drop_index("ix_pickup_grant_parent_id")
        table.drop_column("link_hash")
        table.drop_column("given_to")
        table.drop_column("parent_id")
