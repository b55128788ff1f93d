"""Every table of the station's two databases, room by room, as the numbered steps that make it."""

from collections.abc import Sequence

from common.kit import trusted_time
from edge import access, climate, doors, parcels, pickup, sync

# One list a room and a file; append only. Each statement is one migration, recorded as sqlite-utils would.
STATE_MIGRATIONS: tuple[tuple[str, Sequence[str]], ...] = (
    ("sync", sync.DDL),
    ("doors", doors.DDL),
    ("climate", climate.STATE_DDL),
    ("parcels", parcels.DDL),
    ("access", access.DDL),
    ("pickup", pickup.DDL),
    ("time", trusted_time.DDL),
)
TELEMETRY_MIGRATIONS: tuple[tuple[str, Sequence[str]], ...] = (("climate", climate.TELEMETRY_DDL),)
