"""From code to hand-over: grants, the resident's session, the keeper's put-in and desk."""

from edge.pickup import desk_store, doubt, kin, maintenance, session_store, shown, store, withdrawn
from edge.pickup.replica import GRANT_TABLE

# Append only: each statement is one migration of state.db.
DDL = (
    *store.DDL,
    *session_store.DDL,
    *desk_store.DDL,
    *doubt.DDL,
    *shown.DDL,
    *shown.PARENT_DDL,
    *kin.DDL,
    *withdrawn.DDL,
    *maintenance.DDL,
)
REPLICA_TABLES = (GRANT_TABLE,)

__all__ = ["DDL", "REPLICA_TABLES"]
