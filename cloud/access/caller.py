"""Who calls, and the roles a route may name. A route without roles answers nobody."""

from dataclasses import dataclass

ADMIN = "admin"  # accounts and everything the operator may
OPERATOR = "operator"  # the desk: orders, stations, remote opening
WAREHOUSE = "warehouse"  # custody up to departure
DRIVER = "driver"  # custody from departure to arrival
RESIDENT = "resident"  # one person's own orders; the token is bound to a person

DESK = frozenset({ADMIN, OPERATOR})
HANDLERS = DESK | {WAREHOUSE, DRIVER}
STAFF = frozenset({ADMIN, OPERATOR, WAREHOUSE, DRIVER})
SIGNED_IN = STAFF | {RESIDENT}
ROLES = (ADMIN, OPERATOR, WAREHOUSE, DRIVER, RESIDENT)


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in account; `person_id` is set for residents only."""

    account_id: str
    login: str
    roles: frozenset[str]
    person_id: str | None = None

    @property
    def name(self) -> str:
        """Return what the audit shows, e.g. `operator:wang`."""
        return f"{'+'.join(sorted(self.roles))}:{self.login}"
