"""Table of people; the phone stands here encrypted, as its last four digits, and as a blind index."""

import sqlalchemy as sa

metadata = sa.MetaData()

person = sa.Table(
    "person",
    metadata,
    sa.Column("person_id", sa.String(26), primary_key=True),
    sa.Column("display_name", sa.String(40), nullable=False),
    sa.Column("phone_sealed", sa.LargeBinary, nullable=False),
    sa.Column("phone_tail", sa.String(4), nullable=False),
    sa.Column("phone_index", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
)
