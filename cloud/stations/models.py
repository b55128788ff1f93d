"""Tables of stations, and the words for states that only the hub uses."""

from enum import StrEnum

import sqlalchemy as sa

metadata = sa.MetaData()


class SiteState(StrEnum):
    """Whether a station's own key is known; connectivity is derived, not a state."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"


class RevokeState(StrEnum):
    """What became of a wish to revoke; nothing is *done* before the station has applied it."""

    NONE = "none"
    PENDING = "pending"
    DONE = "done"
    TOO_LATE = "too_late"


def _id(name: str, *, primary_key: bool = False, index: bool = False) -> "sa.Column[str]":
    return sa.Column(
        name, sa.String(26), nullable=False, primary_key=primary_key, index=index or None
    )


def _ms(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _place(prefix: str) -> tuple["sa.Column[int]", ...]:
    """Return where something stands in the cabinet's grid; all null until the station has said it."""
    parts = ("column", "row", "width", "height")
    return tuple(sa.Column(f"{prefix}_{part}", sa.Integer) for part in parts)


station = sa.Table(
    "station",
    metadata,
    _id("station_id", primary_key=True),
    sa.Column("name_zh", sa.String(60), nullable=False),
    sa.Column("name_en", sa.String(60), nullable=False),
    sa.Column("help_phone", sa.String(30), nullable=False),
    sa.Column("timezone", sa.String(40), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("app_version", sa.String(40), nullable=False),
    _ms("created_at_ms"),
    _ms("paired_at_ms", nullable=True),
    _ms("started_at_ms", nullable=True),
    *_place("screen"),
    # how much was revoked here: a capsule carries it, and the station takes none with a lower one
    sa.Column("revocation_epoch", sa.BigInteger, nullable=False, server_default="0"),
    # technicians' certificates with a lower number have ended, and the op that tells the station so
    sa.Column("certificate_floor", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("certificate_op", sa.BigInteger, nullable=False, server_default="0"),
)
invite = sa.Table(
    "station_invite",
    metadata,
    _id("station_id", primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    _ms("expires_at_ms"),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("used_by", sa.LargeBinary),
)
compartment = sa.Table(
    "station_compartment",
    metadata,
    _id("station_id", primary_key=True),
    sa.Column("label", sa.String(16), primary_key=True),
    # what the operator says, and the op that carries it to the station (null: never said)
    sa.Column("out_of_service", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("op", sa.BigInteger),
    # what the station says
    sa.Column("marked_out", sa.Boolean, nullable=False),
    sa.Column("marked_reason", sa.String(200), nullable=False),
    sa.Column("door_open", sa.Boolean),
    sa.Column("door_state", sa.String(16), nullable=False),
    sa.Column("left_open_s", sa.Integer),
    _ms("door_at_ms", nullable=True),
    sa.Column("parcel_id", sa.String(26)),
    # what the station's settings say
    sa.Column("zone", sa.String(40)),
    sa.Column("size", sa.String(1)),
    *_place("grid"),
)
zone = sa.Table(
    "station_zone",
    metadata,
    _id("station_id", primary_key=True),
    sa.Column("zone", sa.String(40), primary_key=True),
    sa.Column("temperature_c", sa.Float),
    _ms("sampled_at_ms", nullable=True),
    sa.Column("over_limit", sa.Boolean, nullable=False),
    _ms("over_since_ms", nullable=True),
    sa.Column("limit_c", sa.Float),
    # what the station's settings say
    sa.Column("name_zh", sa.String(20)),
    sa.Column("name_en", sa.String(20)),
    sa.Column("temperature_class", sa.String(10)),
    sa.Column("min_c", sa.Float),
    sa.Column("max_c", sa.Float),
)
bus = sa.Table(
    "station_bus",
    metadata,
    _id("station_id", primary_key=True),
    sa.Column("bus", sa.String(40), primary_key=True),
    sa.Column("unit", sa.Integer, primary_key=True, autoincrement=False),  # -1: the port itself
    sa.Column("up", sa.Boolean, nullable=False),
    sa.Column("detail", sa.String(200), nullable=False),
    _ms("at_ms"),
)
probe = sa.Table(
    "station_probe",
    metadata,
    _id("station_id", primary_key=True),
    sa.Column("probe", sa.String(40), primary_key=True),
    sa.Column("zone", sa.String(20), nullable=False),
    # the record it applies, as it said last
    sa.Column("held_id", sa.String(26)),
    sa.Column("held_offset_k", sa.Float, nullable=False),
)
calibration = sa.Table(
    "station_calibration",
    metadata,
    _id("station_id", primary_key=True),
    _id("calibration_id", primary_key=True),
    sa.Column("probe", sa.String(40), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("done_by", sa.String(60), nullable=False),
    _ms("at_ms"),
    sa.Column("offset_k", sa.Float, nullable=False),
    sa.Column("reference_c", sa.Float),
    sa.Column("before_c", sa.Float),
    sa.Column("after_c", sa.Float),
    sa.Column("instrument", sa.String(80), nullable=False),
    sa.Column("certificate_until", sa.String(10)),
    _ms("due_at_ms", nullable=True),
    sa.Column("reason", sa.String(200), nullable=False),
    # where in the station's log: the newest there rules
    sa.Column("boot_epoch", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)
keeper = sa.Table(
    "station_keeper",
    metadata,
    _id("keeper_id", primary_key=True),
    _id("station_id", index=True),
    sa.Column("display_name", sa.String(40), nullable=False),
    sa.Column("pin_verifier", sa.String(200), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
grant = sa.Table(
    "pickup_grant",
    metadata,
    _id("grant_id", primary_key=True),
    _id("station_id"),
    _id("order_id", index=True),
    _id("person_id"),
    sa.Column("verifier", sa.LargeBinary(16), nullable=False),
    sa.Column("digits_sealed", sa.LargeBinary(64)),
    sa.Column("parcel_ids", sa.JSON, nullable=False),
    sa.Column("valid_for_s", sa.Integer, nullable=False),
    _ms("not_after_ms"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("pulses", sa.Integer, nullable=False),
    sa.Column("op", sa.BigInteger, nullable=False),
    sa.Column("revoke_state", sa.String(16), nullable=False),
    sa.Column("revoke_op", sa.BigInteger),
    sa.Column("revoked_by", sa.String(80), nullable=False),
    _ms("issued_at_ms"),
    _ms("expires_at_ms", nullable=True),
    _ms("ended_at_ms", nullable=True),
    sa.Column("retired", sa.Boolean, nullable=False),
    # of a grant that was given away: from which, to whom (the giver's word), and the hash of its page's token
    sa.Column("parent_id", sa.String(26), index=True),
    sa.Column("given_to", sa.String(40)),
    sa.Column("link_hash", sa.LargeBinary(32)),
    sa.Index("uq_pickup_grant_link", "link_hash", unique=True),
    sa.UniqueConstraint("station_id", "verifier", name="uq_pickup_grant_verifier"),
    sa.Index("ix_pickup_grant_station_state", "station_id", "state"),
)
command = sa.Table(
    "station_command",
    metadata,
    _id("command_id", primary_key=True),
    _id("station_id"),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("compartment", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("issued_by", sa.String(80), nullable=False),
    _ms("issued_at_ms"),
    _ms("expires_at_ms"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("detail", sa.String(400), nullable=False),
    _ms("state_at_ms"),
    sa.Column("op", sa.BigInteger, nullable=False),
    sa.Index("ix_station_command_station", "station_id", "issued_at_ms"),
    sa.Index("ix_station_command_state", "state", "expires_at_ms"),
)
code_shown = sa.Table(
    "pickup_code_shown",
    metadata,
    _id("grant_id", primary_key=True),
    sa.Column("shown_to", sa.String(80), primary_key=True),
    _ms("first_at_ms"),
)
