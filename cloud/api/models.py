"""Table of kept answers: what a repeated `Idempotency-Key` gets instead of a second effect."""

import sqlalchemy as sa

metadata = sa.MetaData()

kept_answer = sa.Table(
    "kept_answer",
    metadata,
    sa.Column("slot", sa.LargeBinary(32), primary_key=True),  # hash of account and key
    sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),  # of method, path and body
    sa.Column("status", sa.Integer),  # none: took effect, answer not kept yet
    sa.Column("content_type", sa.String(60)),
    sa.Column("body_sealed", sa.LargeBinary),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False, index=True),
)
