"""The receiver's tables in SQLite and PostgreSQL: one schema, one clock, one way to fail.  Knows no notification."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    literal_column,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..errors import StoreFailed

METADATA: Final = MetaData()
_id: Any = BigInteger().with_variant(Integer, "sqlite")

#: Claims: who handles which event, and which were handled.  `until` is the lease, NULL once handled.
CLAIMS: Final = Table(
    "gopay_claims",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("until", Double),
    Column("forget", Double, index=True),
)
#: Events whose effect was committed in the same transaction as this row.
EFFECTS: Final = Table(
    "gopay_effects",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("at", Double, nullable=False),
)
#: Notifications that were acknowledged and are handled later.
INBOX: Final = Table(
    "gopay_inbox",
    METADATA,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    #: waiting, done or dead.
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("due", Double, nullable=False),
    Column("until", Double),
    Column("received", Double, nullable=False),
    #: What the last attempt failed with: the name of the exception, never its text.
    Column("problem", String(100), nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("external_id", String(200), nullable=False),
    Column("partner_id", String(200), nullable=False),
    Column("signed_at", String(40), nullable=False),
    Column("path", String(200), nullable=False),
    Column("key_label", String(100), nullable=False),
    Index("gopay_inbox_due", "state", "due"),
)


def open_engine(url: str) -> AsyncEngine:
    """Return an engine for `sqlite+aiosqlite:///FILE` or `postgresql+psycopg://...`, SQLite with WAL and full sync."""
    engine = create_async_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _durable)
    return engine


async def create_tables(engine: AsyncEngine) -> None:
    """Create the tables that are missing; with migrations of your own, take them from `METADATA`."""
    with translated():
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)


@asynccontextmanager
async def begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yield a connection in a transaction of its own; raise StoreFailed for whatever the database says."""
    with translated():
        async with engine.begin() as connection:
            yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Raise StoreFailed for the database's errors, without parameters: these could be a body."""
    try:
        yield
    # A driver whose server is away may raise the error of its socket, and SQLAlchemy lets it pass.
    except (SQLAlchemyError, OSError) as error:
        problem = f"{type(error).__name__}: {_first_line(error)}"
    else:
        return
    # The original shows a statement and may show its parameters: no traceback follows it.
    raise StoreFailed("store", problem) from None


def now(connection: AsyncConnection) -> ColumnElement[float]:
    """Return the database's own clock, in seconds: the clocks of several machines never agree."""
    if connection.dialect.name == "sqlite":
        return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Double)
    return literal_column("extract(epoch from clock_timestamp())::float8", Double)


def insert(connection: AsyncConnection, table: Table) -> Any:
    """Return an INSERT that knows `ON CONFLICT`, which both dialects spell alike."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _first_line(error: Exception) -> str:
    # The lines that follow may show the failing row.
    text = str(error.orig) if isinstance(error, DBAPIError) else ""
    return text.partition("\n")[0][:200]


def _durable(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
