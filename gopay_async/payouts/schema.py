"""The tables of the ledger, one schema for SQLite and PostgreSQL.  Knows no rule about them.

Times are microseconds since 1970 (UTC), amounts hundredths of a rupiah.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

#: Marks the file as a ledger of this package ("GPLG"), and the version of its tables.
APPLICATION_ID: Final = 0x47504C47
VERSION: Final = 1

metadata = MetaData()
# SQLite gives numbers to an INTEGER PRIMARY KEY only.
_Id = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("environment", String, nullable=False),
    Column("client_id", String, nullable=False),
    UniqueConstraint("environment", "client_id"),
)

jobs = Table(
    "jobs",
    metadata,
    # SHA-256 of the content, in hex.
    Column("id", String(64), primary_key=True),
    Column("name", String, nullable=False),
    Column("account", ForeignKey("accounts.id"), nullable=False),
    Column("imported_at", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    # Why the job waits for a person, empty while it does not.
    Column("paused", Text, nullable=False, default=""),
    # Why nothing is sent again after "not found", empty while it is.
    Column("distrust", Text, nullable=False, default=""),
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("job", ForeignKey("jobs.id"), nullable=False),
    Column("account", ForeignKey("accounts.id"), nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("reference", String(64), nullable=False),
    Column("number", String(20), nullable=False),
    Column("name", String(100), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("notes", String(100), nullable=False),
    Column("email", String(50)),
    Column("provider", String(40), nullable=False),
    Column("imported_at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("resends", Integer, nullable=False),
    Column("reach", Integer, nullable=False),
    Column("external_id", String(36), nullable=False),
    Column("first_sent_at", BigInteger),
    Column("sent_until", BigInteger),
    Column("sent_mono", Double),
    Column("sent_by", String, nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("reference_no", String, nullable=False),
    Column("noticed_at", BigInteger),
    Column("asked", Integer, nullable=False),
    Column("ask_at", BigInteger),
    Column("reason", Text, nullable=False),
    UniqueConstraint("account", "reference"),
)
Index("payouts_by_state", payouts.c.job, payouts.c.state, payouts.c.id)
Index(
    "payouts_to_ask",
    payouts.c.job,
    payouts.c.ask_at,
    sqlite_where=payouts.c.ask_at.is_not(None),
    postgresql_where=payouts.c.ask_at.is_not(None),
)
# Whether the same number got the same amount a few days ago.
Index("payouts_by_payee", payouts.c.account, payouts.c.number, payouts.c.amount)

#: Everything that happened, in its order; only ever added to.
events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("payout", ForeignKey("payouts.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("external_id", String(36), nullable=False),
    Column("http_status", Integer),
    Column("code", String(40), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("before", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("said", Text, nullable=False),
)
Index("events_of_payout", events.c.payout, events.c.id)

#: Which inquiry has found an accepted payout, and so works.
proofs = Table(
    "proofs",
    metadata,
    Column("account", ForeignKey("accounts.id"), primary_key=True),
    Column("contract", String(4), primary_key=True),
    Column("payout", ForeignKey("payouts.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
)

#: Verified payout notifications, as they came.
notices = Table(
    "notices",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False),
    # What happened: a repeat has the same.
    Column("identity", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("reference", String, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("applied_at", BigInteger),
    Column("payout", ForeignKey("payouts.id")),
    Column("effect", Text, nullable=False, default=""),
    UniqueConstraint("account", "identity"),
)
Index("notices_to_apply", notices.c.applied_at, notices.c.id)
Index("notices_of_payout", notices.c.payout)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_column(moment: datetime | None) -> int | None:
    """Return *moment* (aware) as the ledger holds it."""
    return None if moment is None else microseconds(moment)


def microseconds(moment: datetime) -> int:
    """Return *moment* (aware) as the ledger holds it."""
    return (moment - _EPOCH) // _MICROSECOND


def from_column(value: int | None) -> datetime | None:
    """Return the moment, in UTC, that stands as *value* in the ledger."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def moment_of(value: int) -> datetime:
    """Return the moment, in UTC, that stands as *value* in the ledger."""
    return _EPOCH + timedelta(microseconds=value)
