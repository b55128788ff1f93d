"""The shared words: states and kinds that edge, hub and screens all name the same way."""

from enum import StrEnum


class Lane(StrEnum):
    """The two outbox lanes; money and doors never wait for measurements."""

    FACTS = "facts"
    TELEMETRY = "telemetry"


class TemperatureClass(StrEnum):
    """Where goods must lie."""

    AMBIENT = "ambient"
    CHILLED = "chilled"
    FROZEN = "frozen"


class Size(StrEnum):
    """Sizes of parcels and compartments, small to large."""

    S = "S"
    M = "M"
    L = "L"


class GrantState(StrEnum):
    """States of a grant on the station (reference security C.6, DESIGN section 3)."""

    WAITING = "waiting"  # known, the parcels are not all put in yet
    ISSUED = "issued"
    OPENING = "opening"
    OPENED = "opened"
    DONE = "done"
    REVOKED = "revoked"
    EXPIRED = "expired"


class DoorState(StrEnum):
    """States of one open request (reference hardware F)."""

    QUEUED = "queued"
    PRECHECK = "precheck"
    PULSING = "pulsing"
    WAIT_OPEN = "wait_open"
    OPEN = "open"
    CLOSED = "closed"
    FAILED_OPEN = "failed_open"
    INDETERMINATE = "indeterminate"
    BUS_DOWN = "bus_down"
    EXPIRED = "expired"


class ActorKind(StrEnum):
    """Who wished a door to open."""

    RESIDENT = "resident"
    KEEPER = "keeper"
    OPERATOR = "operator"
    TECHNICIAN = "technician"


class Purpose(StrEnum):
    """Why a door is opened."""

    PICKUP = "pickup"
    PUT_IN = "put_in"
    INSPECTION = "inspection"
    REMOTE = "remote"


class KeypadLevel(StrEnum):
    """What a station's keypad asks for (reference security C.4)."""

    NORMAL = "normal"
    STEP_UP = "step_up"  # the code and the last four digits of the order's phone number
    OFF = "off"


class CommandState(StrEnum):
    """States of a hub command (DESIGN section 4)."""

    HELD = "held"  # at the hub only: a second person has not confirmed it yet
    QUEUED = "queued"
    DELIVERED = "delivered"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Quality(StrEnum):
    """Whether a reading may be believed."""

    GOOD = "good"
    BAD = "bad"
    STALE = "stale"
