"""The one thread that writes: what shares a transaction, what is undone, and who hears of it."""

import asyncio
import gc
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import event, text

from gopay_async.errors import LedgerError
from gopay_async.payouts import Job, Payout, State
from gopay_async.payouts.records import Alike, Happened, Move

from .facts import START
from .world import World, some, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


def move(payout: Payout) -> Move:
    then = evolve(payout.standing, state=State.SENDING, attempt=1)
    said = Happened(at=START, kind="claimed", attempt=1)
    return Move(payout=payout.id, before=payout.standing, after=then, external_id="1", event=said)


def alike(*payouts: Payout) -> Alike:
    then = evolve(payouts[0].alike, state=State.SENDING, attempt=1)
    said = Happened(at=START, kind="claimed", attempt=1)
    return Alike(before=payouts[0].alike, after=then, event=said, rows=[(one.id, "1", "") for one in payouts])


@contextmanager
def busy(here: World) -> Iterator[None]:
    """Keep the thread busy meanwhile: what is asked of it waits."""
    begun, free = threading.Event(), threading.Event()

    def work(_: object) -> None:
        begun.set()
        free.wait()

    here.ledger._writer.submit_work(work)
    begun.wait()
    try:
        yield
    finally:
        free.set()


async def transactions(here: World, *sizes: int) -> int:
    """Ask for so many moves at a time while the thread is busy; return how many transactions they took."""
    job = await here.submit(some(sum(sizes)))
    rows = iter(await here.ledger.rows(job.id, limit=sum(sizes)))
    begun: list[object] = []
    with busy(here):
        asked = [here.ledger._writer.submit([move(next(rows)) for _ in range(size)]) for size in sizes]
        event.listen(here.ledger._writer.database.engine, "begin", begun.append)
    made = await asyncio.gather(*asked)
    assert [len(one) for one in made] == list(sizes)
    assert all(all(one) for one in made)
    return len(begun)


# --- one transaction -------------------------------------------------------------------------------------------------


async def test_what_waits_shares_a_transaction_up_to_a_thousand_moves(here: World) -> None:
    assert await transactions(here, 1, 399, 600) == 1


async def test_more_than_a_thousand_moves_take_another_transaction(here: World) -> None:
    assert await transactions(here, 400, 601) == 2


async def test_other_work_between_moves_keeps_its_place(here: World) -> None:
    job = await here.submit(some(2))
    first, second = await here.ledger.rows(job.id)
    with busy(here):
        here.ledger.submit([move(first)])
        between = asyncio.ensure_future(here.ledger._writer.transact(_sending))
        await asyncio.sleep(0)
        last = here.ledger._writer.submit([move(second)])

    assert (await between, await last) == (1, [True])


def _sending(connection: Any) -> int:
    found = connection.execute(text("SELECT count(*) FROM payouts WHERE state = 'sending'")).scalar_one()
    return int(found)


async def test_steps_of_which_one_cannot_be_taken_are_undone_and_tried_one_by_one(here: World) -> None:
    job = await here.submit(some(4))
    first, second, third, fourth = await here.ledger.rows(job.id)
    await here.ledger.move([move(third)])

    made = await here.ledger.move_alike([alike(first, second), alike(third, fourth)])

    assert made == [[True, True], [False, True]]
    for payout in (first, second, third, fourth):
        assert [one.kind for one in await here.ledger.history(payout.id)] == ["claimed"]


async def test_moves_of_which_one_cannot_be_made_are_undone_and_tried_one_by_one(here: World) -> None:
    job = await here.submit(some(3))
    rows = await here.ledger.rows(job.id)
    await here.ledger.move([move(rows[2])])

    with busy(here):
        asked = [here.ledger._writer.submit([move(one) for one in some_rows]) for some_rows in (rows[:2], rows[2:])]

    assert await asyncio.gather(*asked) == [[True, True], [False]]
    assert [len(await here.ledger.history(one.id)) for one in rows] == [1, 1, 1]


# --- whoever asked ---------------------------------------------------------------------------------------------------


async def test_an_error_is_everybodys_who_shared_the_transaction(here: World) -> None:
    job = await here.submit(some(2))
    first, second = await here.ledger.rows(job.id)
    with busy(here):
        wrong = evolve(move(first), event=Happened(at=START, kind=object()))  # type: ignore[arg-type]  # no text
        asked = [here.ledger._writer.submit([one]) for one in (wrong, move(second))]

    errors = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(one) for one in errors] == [LedgerError, LedgerError]
    assert set((await here.states(job)).values()) == {State.PLANNED}


async def test_an_error_that_nobody_waits_for_is_not_complained_about(here: World) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def fail(_: object) -> None:
        raise ValueError("nobody hears it")

    here.ledger._writer.submit_work(fail)
    await here.ledger._writer.transact(lambda _: None)
    gc.collect()

    assert complaints == []


async def test_who_cancels_an_import_goes_when_its_rows_are_not_read_any_more(here: World) -> None:
    row = {"number": "62", "name": "n", "amount": 1, "notes": "n", "email": None, "provider": "g"}
    loop, reading, free = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def pages() -> Iterator[Sequence[Mapping[str, Any]]]:
        loop.call_soon_threadsafe(reading.set)
        free.wait()
        yield [{**row, "line": 1, "reference": "pay-1"}]
        pytest.fail("it was cancelled")

    importing = asyncio.create_task(_imported(here, pages()))
    await reading.wait()
    importing.cancel()
    for _ in range(10):
        await asyncio.sleep(0)

    assert not importing.done()
    free.set()
    await asyncio.wait({importing})
    assert importing.cancelled()
    assert await here.ledger.jobs() == []


async def _imported(here: World, pages: Iterator[Sequence[Mapping[str, Any]]]) -> Job:
    return await here.ledger.import_job(pages, digest="d" * 64, name="x", account=here.account, rows=1, total=1)


# --- its end ---------------------------------------------------------------------------------------------------------


async def test_the_thread_ends_with_the_ledger_and_does_not_hold_up_the_process(tmp_path: Path) -> None:
    name = "gopay_async ledger writer"
    async with world(tmp_path):
        assert [one.daemon for one in threading.enumerate() if one.name == name] == [True]

    assert [one for one in threading.enumerate() if one.name == name] == []


async def test_a_ledger_is_closed_when_everything_that_waits_is_written(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        payout = await here.only(await here.submit(some(1)))
        closing = threading.Event()

        def wait(_: object) -> None:
            closing.wait()

        here.ledger._writer.submit_work(wait)
        here.ledger.submit([move(payout)])
        asyncio.get_running_loop().call_later(0.01, closing.set)

    with sqlite3.connect(tmp_path / "ledger.db") as other:
        assert other.execute("SELECT state FROM payouts").fetchall() == [("sending",)]
    other.close()
