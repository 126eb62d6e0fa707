"""The file of a ledger: how it is opened, who may write meanwhile, and what its errors are called."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gopay_async.errors import LedgerBusy, LedgerCorrupt, LedgerError, LedgerFull, LedgerReadOnly
from gopay_async.payouts import open_ledger
from gopay_async.payouts.database import in_our_words, is_empty
from gopay_async.payouts.schema import APPLICATION_ID, VERSION

from .world import World, some, world

BUSY = "Another process is writing to the ledger and does not stop: end it, then resume."
SENTENCES = [
    ("FULL", LedgerFull, "The disk of the ledger is full: make room, then resume."),
    (
        "READONLY_DIRECTORY",
        LedgerReadOnly,
        "The ledger, its folder or a file beside it (-wal, -shm) is read-only for this user: mend that, then resume.",
    ),
    ("PERM", LedgerReadOnly, "The ledger may not be used by this user: mend that, then resume."),
    ("CANTOPEN_ISDIR", LedgerReadOnly, "The ledger cannot be opened: look at its path and its permissions."),
    ("BUSY_SNAPSHOT", LedgerBusy, BUSY),
    ("LOCKED", LedgerBusy, BUSY),
    (
        "CORRUPT_INDEX",
        LedgerCorrupt,
        "The ledger is damaged: do not run it, keep the file, and restore a copy of it.",
    ),
    ("NOTADB", LedgerCorrupt, "The file is no ledger."),
    ("IOERR_FSYNC", LedgerError, "The ledger cannot be used."),
]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


def of_sqlite(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorname = f"SQLITE_{name}"
    return error


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind", "sentence"), SENTENCES)
def test_an_error_of_the_file_says_what_to_do(name: str, kind: type[LedgerError], sentence: str) -> None:
    errors = [of_sqlite(name), OperationalError("SELECT 1", {}, of_sqlite(name))]
    for error in errors:
        with pytest.raises(LedgerError) as caught, in_our_words():
            raise error

        assert type(caught.value) is kind
        assert str(caught.value) == f"{sentence} (SQLITE_{name})"


def test_an_error_is_named_after_what_caused_it() -> None:
    with pytest.raises(LedgerFull), in_our_words():
        raise sqlite3.DatabaseError("wrapped") from of_sqlite("FULL")


def test_an_error_that_has_no_name_is_named_after_its_kind() -> None:
    with pytest.raises(LedgerError, match=r"^The ledger cannot be used\. \(DatabaseError\)$"), in_our_words():
        raise sqlite3.DatabaseError("nobody knows")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(ValueError, match="of somebody else"), in_our_words():
        raise ValueError("of somebody else")


# --- transactions ----------------------------------------------------------------------------------------------------


def can_write(path: Path) -> bool:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


async def test_nobody_else_can_write_from_the_beginning_of_a_transaction_that_writes(here: World) -> None:
    assert not await here.ledger._writer.transact(lambda _: can_write(here.ledger.path))


async def test_others_can_write_while_the_ledger_is_read_and_what_is_read_stays_the_same(here: World) -> None:
    def twice(connection: Any) -> tuple[int, int]:
        count = "SELECT count(*) FROM jobs"
        first = connection.exec_driver_sql(count).scalar_one()
        with closing(sqlite3.connect(here.ledger.path)) as other:
            other.execute("INSERT INTO accounts VALUES (1, 'SANDBOX', 'x')")
            other.execute("INSERT INTO jobs VALUES ('a', 'b', 1, 0, 0, 0, '', '')")
            other.commit()
        return first, connection.exec_driver_sql(count).scalar_one()

    assert await here.ledger._database.read(twice) == (0, 0)
    assert len(await here.ledger.jobs()) == 1


async def test_three_can_read_at_the_same_time(here: World) -> None:
    together = threading.Barrier(3)

    found = await asyncio.gather(*(here.ledger._database.read(lambda _: together.wait()) for _ in range(3)))

    assert sorted(found) == [0, 1, 2]


async def test_everybody_keeps_a_connection_and_waits_five_seconds_for_others(here: World) -> None:
    found = await here.ledger._database.read(lambda one: one.exec_driver_sql("PRAGMA busy_timeout").scalar_one())

    assert found == 5_000
    # Three that read, and one that writes.
    assert here.ledger._database.engine.pool.size() == 4  # type: ignore[attr-defined]  # the pool that we chose


# --- opening and closing ---------------------------------------------------------------------------------------------


async def test_a_ledger_says_what_it_is(here: World) -> None:
    with closing(sqlite3.connect(here.ledger.path)) as other:
        found = [other.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]

    assert found == [APPLICATION_ID, VERSION] == [0x47504C47, 1]


@pytest.mark.parametrize("pragma", ["application_id=7", "user_version=2"])
async def test_a_ledger_of_another_kind_or_version_is_left_alone(tmp_path: Path, pragma: str) -> None:
    async with world(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute(f"PRAGMA {pragma}")

    with pytest.raises(LedgerCorrupt, match="no ledger of this version"):
        async with world(tmp_path):
            pytest.fail("it was opened")


async def test_nothing_is_left_open(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.ledger.jobs()
        assert here.ledger._database.engine.pool.checkedin() > 0  # type: ignore[attr-defined]  # the pool that we chose

    assert here.ledger._database.engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # the same
    assert [one.name for one in threading.enumerate() if "ledger" in one.name] == []


async def test_the_database_of_another_program_is_not_opened_where_none_is_to_be_made_either(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE mine (id)")

    with pytest.raises(LedgerCorrupt, match="no ledger of this version"):
        async with open_ledger(tmp_path / "other.db", create=False):
            pytest.fail("it was opened")


async def test_a_ledger_is_not_taken_for_an_empty_file(here: World) -> None:
    assert not await here.ledger._database.read(is_empty)


async def test_damage_is_found_before_it_is_read(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.submit(some(500))
    with (tmp_path / "ledger.db").open("r+b") as file:  # once
        file.seek(4096 * 10)
        file.write(b"\xff" * 4096 * 20)

    async with world(tmp_path) as here:
        with pytest.raises(LedgerCorrupt, match=r"^The ledger is damaged: \*\*\* in database main"):
            await here.ledger.check()
