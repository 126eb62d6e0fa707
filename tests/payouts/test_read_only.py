"""A ledger that must not be written: a clear stop, and nothing lost."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import event

from gopay_async.errors import LedgerReadOnly
from gopay_async.payouts import How, State, open_ledger

from .world import some, world

NOBODY = 65534


@contextmanager
def common_folder() -> Iterator[Path]:
    """Give a folder that another user reaches as well, which one in a private TMPDIR is not."""
    with TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Go on as a user whom permissions stop, which they do not stop root."""
    before = os.geteuid()
    os.seteuid(before or NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@contextmanager
def read_only(folder: Path, *names: str) -> Iterator[None]:
    """Let nobody write to the files *names* in *folder*, or to the folder itself (.), meanwhile."""
    for name in names:
        (folder / name).chmod(0o555 if name == "." else 0o444)
    yield
    folder.chmod(0o777)
    for one in folder.iterdir():
        one.chmod(0o666)


@pytest.mark.parametrize("names", [["ledger.db"], ["."], ["ledger.db", "."]])
async def test_a_ledger_that_may_not_be_written_sends_nothing_and_goes_on_when_that_is_mended(
    names: list[str],
) -> None:
    with common_folder() as folder:
        async with world(folder) as here:
            job = await here.submit(some(3))
        with read_only(folder, *names), unprivileged():
            with pytest.raises(LedgerReadOnly, match=r"or a file beside it .* is read-only"):
                async with world(folder) as here:
                    await here.run(job)
            assert here.provider.external_ids == []

        async with world(folder) as here:
            assert ((await here.run(job)).how, here.payments()) == (How.PAID, [1, 1, 1])


async def test_a_ledger_that_is_not_there_cannot_be_made_in_a_folder_that_may_not_be_written() -> None:
    with common_folder() as folder, read_only(folder, "."), unprivileged():
        opening = open_ledger(folder / "new.db")
        with pytest.raises(LedgerReadOnly, match="cannot be opened"):
            await opening.__aenter__()


async def test_a_ledger_in_a_folder_that_may_not_be_entered_is_said_to_be_unreadable() -> None:
    with common_folder() as folder:
        (folder / "private").mkdir(mode=0o600)
        with unprivileged():
            opening = open_ledger(folder / "private" / "new.db")
            with pytest.raises(LedgerReadOnly, match=r"private/new\.db cannot be read: Permission denied"):
                await opening.__aenter__()


async def test_a_ledger_that_becomes_read_only_in_the_midst_of_a_run_stops_it_and_loses_nobody(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        job = await here.submit(some(60))
        engine = here.ledger._writer.database.engine

        def forbid(connection: Any) -> None:
            connection.exec_driver_sql(f"PRAGMA query_only={len(here.provider.external_ids) > 10:d}")

        event.listen(engine, "begin", forbid)
        with pytest.raises(LedgerReadOnly, match="mend that, then resume"):
            await here.run(job)
        sent, left = len(here.provider.external_ids), await here.ledger.counts(job.id)
        event.remove(engine, "begin", forbid)
        engine.dispose()
        ended = await here.run(job)

    assert 10 < sent < 60
    assert (left.keys() <= {State.PLANNED, State.SENDING, State.ACCEPTED}, sum(one for one, _ in left.values())) == (
        True,
        60,
    )
    assert (ended.how, here.payments()) == (How.PAID, [1] * 60)
