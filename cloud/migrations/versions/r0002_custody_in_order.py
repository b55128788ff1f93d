"""custody in order, journals written once."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LEDGER = ("money_journal", "money_leg")


def upgrade() -> None:
    """Number the custody events of each parcel; let the engine refuse to change a posted journal."""
    op.add_column("custody_event", sa.Column("number", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE custody_event SET number = (SELECT count(*) FROM custody_event AS earlier "
        "WHERE earlier.parcel_id = custody_event.parcel_id AND (earlier.at_ms < custody_event.at_ms "
        "OR (earlier.at_ms = custody_event.at_ms AND earlier.custody_id <= custody_event.custody_id)))"
    )
    with op.batch_alter_table("custody_event", schema=None) as batch_op:
        batch_op.alter_column("number", existing_type=sa.Integer(), nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION money_written_once() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is written once'; END $$"
        )
    for table in _LEDGER:
        for statement in _written_once(table):
            op.execute(statement)


def downgrade() -> None:
    """Undo."""
    for table in _LEDGER:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {table}_written_once ON {table}")
        else:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
    with op.batch_alter_table("custody_event", schema=None) as batch_op:
        batch_op.drop_column("number")


def _written_once(table: str) -> tuple[str, ...]:
    if op.get_bind().dialect.name == "postgresql":
        return (
            (
                f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION money_written_once()"
            ),
        )
    return tuple(
        f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is written once'); END"
        for act in ("update", "delete")
    )
