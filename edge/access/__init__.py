"""Who may: the code verifier, limiters, keeper PINs, the budget of remote opens, commands of the hub."""

from edge.access import budget, commands, keepers, limiter, powered, qr_check

# Append only: each statement is one migration of state.db.
DDL = (
    *powered.DDL,
    *limiter.DDL,
    *keepers.DDL,
    *budget.DDL,
    *commands.DDL,
    *limiter.STEP_UP_DDL,
    *keepers.TABLET_DDL,
)
REPLICA_TABLES = (keepers.KEEPER_TABLE, commands.COMMAND_TABLE, qr_check.GRANT_KEY_TABLE)

__all__ = ["DDL", "REPLICA_TABLES"]
