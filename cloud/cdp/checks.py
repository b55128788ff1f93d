"""People: no phone in the clear, no tail that is not four digits."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.cdp.models import person


def violations(connection: Connection) -> list[str]:
    """Return one sentence for each person whose stored phone is not sealed as it must be."""
    found = []
    for row in connection.execute(sa.select(person).order_by(person.c.person_id)):
        if not (len(row.phone_tail) == 4 and row.phone_tail.isdecimal()):
            found.append(f"person {row.person_id}: the phone's tail is not four digits")
        # By length alone: no phone number is that long, and a sealed one may begin with any byte.
        if len(row.phone_sealed) < 12 + 16:
            found.append(f"person {row.person_id}: the phone is not sealed")
    return found
