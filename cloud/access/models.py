"""Tables of accounts, tokens, the set-up link, failed log-ins and the audit."""

import sqlalchemy as sa

metadata = sa.MetaData()

account = sa.Table(
    "account",
    metadata,
    sa.Column("account_id", sa.String(26), primary_key=True),
    sa.Column("login", sa.String(40), nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("person_id", sa.String(26)),
    sa.Column("password_phc", sa.String(200)),  # none: signs in by token only
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.CheckConstraint("(role = 'resident') = (person_id IS NOT NULL)", name="account_person"),
)

token = sa.Table(
    "access_token",
    metadata,
    sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column(
        "account_id", sa.String(26), sa.ForeignKey("account.account_id"), nullable=False, index=True
    ),
    sa.Column("kind", sa.String(8), nullable=False),  # bearer or cookie
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_at_ms", sa.BigInteger, nullable=False, index=True),
)

setup_link = sa.Table(
    "setup_link",
    metadata,
    sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
)

login_failure = sa.Table(
    "login_failure",
    metadata,
    sa.Column("login_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("blocked_until_ms", sa.BigInteger, nullable=False),
    sa.Column("last_at_ms", sa.BigInteger, nullable=False, index=True),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(80), nullable=False),
    sa.Column("what", sa.String(60), nullable=False),
    sa.Column("about", sa.String(120), nullable=False),
    sa.Column("origin", sa.String(64), nullable=False),
)
