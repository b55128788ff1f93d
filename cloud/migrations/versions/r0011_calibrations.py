"""calibrations."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep every comparison of a probe with a reference, and what each station says it applies."""
    op.create_table(
        "station_probe",
        sa.Column("station_id", sa.String(length=26), nullable=False),
        sa.Column("probe", sa.String(length=40), nullable=False),
        sa.Column("zone", sa.String(length=20), nullable=False),
        sa.Column("held_id", sa.String(length=26), nullable=True),
        sa.Column("held_offset_k", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("station_id", "probe"),
    )
    op.create_table(
        "station_calibration",
        sa.Column("station_id", sa.String(length=26), nullable=False),
        sa.Column("calibration_id", sa.String(length=26), nullable=False),
        sa.Column("probe", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("done_by", sa.String(length=60), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("offset_k", sa.Float(), nullable=False),
        sa.Column("reference_c", sa.Float(), nullable=True),
        sa.Column("before_c", sa.Float(), nullable=True),
        sa.Column("after_c", sa.Float(), nullable=True),
        sa.Column("instrument", sa.String(length=80), nullable=False),
        sa.Column("certificate_until", sa.String(length=10), nullable=True),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("boot_epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("station_id", "calibration_id"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("station_calibration")
    op.drop_table("station_probe")
