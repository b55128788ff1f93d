"""where doors stand, what zones must keep."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PLACE = ("column", "row", "width", "height")
_COLUMNS: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {
    "station": {f"screen_{part}": sa.Integer() for part in _PLACE},
    "station_compartment": {
        "zone": sa.String(40),
        "size": sa.String(1),
        **{f"grid_{part}": sa.Integer() for part in _PLACE},
    },
    "station_zone": {
        "name_zh": sa.String(20),
        "name_en": sa.String(20),
        "temperature_class": sa.String(10),
        "min_c": sa.Float(),
        "max_c": sa.Float(),
    },
}


def upgrade() -> None:
    """Make room for a station's layout and limits; empty until it starts the next time."""
    for table, columns in _COLUMNS.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Undo."""
    for table, columns in _COLUMNS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in columns:
                batch_op.drop_column(name)
