"""Tables of `state.db` that belong to sync: who this station is, the outbox with its lanes, the replica's rows."""

DDL: tuple[str, ...] = (
    """CREATE TABLE IF NOT EXISTS sync_self (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        install_id TEXT NOT NULL,
        hello_id TEXT NOT NULL,      -- kept over boots until the hub's answer to it is stored
        greeted INTEGER NOT NULL,
        boot_epoch INTEGER NOT NULL,
        session INTEGER NOT NULL,
        gen INTEGER NOT NULL,
        op INTEGER NOT NULL,
        digest BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS sync_lane (
        lane TEXT PRIMARY KEY,
        n INTEGER NOT NULL,          -- ordinal of the newest event; local, never sent
        boot_epoch INTEGER NOT NULL, -- of the newest event
        seq INTEGER NOT NULL,
        chain BLOB NOT NULL,
        acked_n INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS outbox (
        lane TEXT NOT NULL,
        n INTEGER NOT NULL,
        boot_epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        occurred_at_ms INTEGER NOT NULL,
        type TEXT NOT NULL,
        v INTEGER NOT NULL,
        body TEXT NOT NULL,          -- the exact text that is chained and posted
        chain BLOB NOT NULL,
        acked_at_ms INTEGER,
        PRIMARY KEY (lane, n)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS outbox_place ON outbox (lane, boot_epoch, seq)",
    """CREATE TABLE IF NOT EXISTS sync_break (
        lane TEXT NOT NULL,
        n INTEGER NOT NULL,          -- row n + 1 is chained to this place; what lay before is not held here
        boot_epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        chain BLOB NOT NULL,
        PRIMARY KEY (lane, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS sync_row (
        tbl TEXT NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL,          -- verbatim: the digest covers it, replica_* tables are made from it
        hash BLOB NOT NULL,
        segment INTEGER NOT NULL,
        PRIMARY KEY (tbl, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS sync_shadow (
        tbl TEXT NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL,
        hash BLOB NOT NULL,
        segment INTEGER NOT NULL,
        PRIMARY KEY (tbl, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS sync_projection (
        tbl TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL
    ) STRICT""",
    "INSERT OR IGNORE INTO sync_lane VALUES ('facts', 0, 0, 0, zeroblob(32), 0)",
    "INSERT OR IGNORE INTO sync_lane VALUES ('telemetry', 0, 0, 0, zeroblob(32), 0)",
    """CREATE TABLE IF NOT EXISTS blob (
        digest TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        added_at_ms INTEGER NOT NULL,
        sent_at_ms INTEGER
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS blob_age ON blob (sent_at_ms, added_at_ms)",
    """CREATE TABLE IF NOT EXISTS sync_fence (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        why TEXT NOT NULL,           -- edge.sync.fence.Why; a row stands while no code may open
        since_ms INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS sync_tear (
        lane TEXT NOT NULL,
        n INTEGER NOT NULL,          -- row n + 1 is chained to an event that is lost (edge.sync.tears)
        PRIMARY KEY (lane, n)
    ) STRICT, WITHOUT ROWID""",
)
