"""Tables of the device gateway: stations, their rows and op-logs, the event log, what needs a person's eye."""

import sqlalchemy as sa

metadata = sa.MetaData()

station = sa.Table(
    "sync_station",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("public_key", sa.LargeBinary),
    sa.Column("revoked_key", sa.LargeBinary),
    sa.Column("gen", sa.BigInteger, nullable=False),
    sa.Column("head_op", sa.BigInteger, nullable=False),
    sa.Column("floor_op", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("session", sa.BigInteger, nullable=False),
    sa.Column("install_id", sa.Text),
    sa.Column("hello_id", sa.Text),
    sa.Column("hello_from", sa.BigInteger),
    sa.Column("run_id", sa.Text),
    sa.Column("boot_epoch", sa.BigInteger, nullable=False),
    sa.Column("applied_op", sa.BigInteger, nullable=False),
    sa.Column("last_heard_ms", sa.BigInteger),
    sa.Column("backlog_facts", sa.BigInteger, nullable=False),
    sa.Column("backlog_telemetry", sa.BigInteger, nullable=False),
    sa.Column("oldest_s", sa.BigInteger),
    sa.Column("clock_offset_ms", sa.BigInteger, nullable=False),
    sa.Column("app_version", sa.Text, nullable=False),
    sa.Column("certificate_until_ms", sa.BigInteger),
)

row = sa.Table(
    "sync_row",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("tbl", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("segment", sa.Integer, nullable=False),
    sa.Column("op", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

op = sa.Table(
    "sync_op",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("op", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("tbl", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("body", sa.Text),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

lane = sa.Table(
    "sync_lane",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("boot_epoch", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("chain", sa.LargeBinary, nullable=False),
)

event = sa.Table(
    "sync_event",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("boot_epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("occurred_at_ms", sa.BigInteger, nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("v", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("chain", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("sync_event_received", event.c.station_id, event.c.received_at_ms)

quarantine = sa.Table(
    "event_quarantine",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("boot_epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

blob = sa.Table(
    "sync_blob",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

alarm = sa.Table(
    "sync_alarm",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("first_at_ms", sa.BigInteger, nullable=False),
    sa.Column("last_at_ms", sa.BigInteger, nullable=False),
)

claim = sa.Table(
    "sync_claim",
    metadata,
    sa.Column("station_id", sa.Text, primary_key=True),
    sa.Column("hello_id", sa.Text, primary_key=True),
    sa.Column("install_id", sa.Text, nullable=False),
    sa.Column("app_version", sa.Text, nullable=False),
    sa.Column("backlog_facts", sa.BigInteger, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("admitted", sa.Boolean, nullable=False),
)
