"""The kit finds handlers that depend on how notifications are delivered, and passes those that do not."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gopay_async.errors import NotIdempotent
from gopay_async.webhooks import DebitNotification
from gopay_async.webhooks.database import create_tables, open_engine
from gopay_async.webhooks.handling import Handler
from gopay_async.webhooks.kit import Kit, Subject, _Crashing, post
from gopay_async.webhooks.progress import Move, Progress
from gopay_async.webhooks.replay import MemoryReplayStore
from gopay_async.webhooks.samples import SAMPLES, Forge
from gopay_async.webhooks.sql import first_time
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY

FORGE = Forge(PROVIDER_KEY, MERCHANT_KEY)
PAYMENT = [FORGE.valid("debit.pending"), FORGE.valid("debit.paid"), FORGE.valid("debit.refunded")]


def kit(make: Callable[[list[str]], Handler]) -> Kit:
    """Return a kit over handlers that write into a list."""

    @asynccontextmanager
    async def start() -> AsyncIterator[Subject]:
        done: list[str] = []

        async def effect() -> list[str]:
            return done

        yield Subject(make(done), effect)

    return Kit(start, FORGE)


def forward_only(done: list[str]) -> Handler:
    state = Progress()

    async def handler(given: DebitNotification) -> None:
        nonlocal state
        state, move = state.after(given)
        if move is Move.APPLIED:
            done[:] = [state.status]

    return handler


def counting(done: list[str]) -> Handler:
    async def handler(given: DebitNotification) -> None:
        done.append("counted")

    return handler


def last_wins(done: list[str]) -> Handler:
    async def handler(given: DebitNotification) -> None:
        done[:] = [given.status.raw]

    return handler


async def test_a_handler_that_only_moves_forward_passes() -> None:
    tried = await kit(forward_only).check(PAYMENT)

    assert tried == ("twice", "in parallel", "late", "after a crash", "interrupted", "reordered")


@pytest.mark.parametrize(("make", "way"), [(counting, "after a crash"), (last_wins, "reordered")])
async def test_a_handler_that_depends_on_the_delivery_is_found(make: Callable[[list[str]], Handler], way: str) -> None:
    with pytest.raises(NotIdempotent, match=way):
        await kit(make).check(PAYMENT[1:] if make is counting else PAYMENT[:2])


@pytest.mark.parametrize("way", ["after a crash", "interrupted"])
async def test_a_handler_that_fails_once_is_brought_to_its_end(way: str) -> None:
    def make(done: list[str]) -> Handler:
        failed: list[str] = []

        async def handler(given: DebitNotification) -> None:
            if not failed:
                failed.append(given.kind)
                raise ValueError
            done[:] = [given.kind]

        return handler

    assert way in await kit(make).check(PAYMENT[:1])


def test_a_store_that_crashes_remembers_as_long_as_the_one_inside() -> None:
    assert _Crashing(MemoryReplayStore()).keeps == timedelta(1)


async def test_a_handler_that_never_succeeds_is_found() -> None:
    def make(done: list[str]) -> Handler:
        async def handler(given: object) -> None:
            raise ValueError

        return handler

    with pytest.raises(NotIdempotent, match="not accepted in 6 attempts"):
        await kit(make).check(PAYMENT[:1])


async def test_a_claim_in_the_same_transaction_passes_although_it_counts(tmp_path: Path) -> None:
    numbers = iter(range(1000))

    @asynccontextmanager
    async def start() -> AsyncIterator[Subject]:
        engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / str(next(numbers))}")
        await create_tables(engine)
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE till (rupiah INTEGER)"))

        async def handler(given: DebitNotification) -> None:
            async with engine.begin() as connection:
                if await first_time(connection, given):
                    await connection.execute(text("INSERT INTO till VALUES (1)"))

        async def effect() -> object:
            async with engine.begin() as connection:
                return (await connection.execute(text("SELECT count(*) FROM till"))).scalar_one()

        yield Subject(handler, effect)
        await engine.dispose()

    assert "after a crash" in await Kit(start, FORGE).check(PAYMENT[:2])


@pytest.mark.parametrize("name", SAMPLES)
async def test_every_sample_verifies_and_is_typed(name: str) -> None:
    seen: list[str] = []

    async def handler(given: DebitNotification) -> None:
        seen.append(given.kind)

    async def effect() -> None:
        return None

    app = kit(counting).app(Subject(handler, effect))

    assert (await post(app, FORGE.valid(name)), seen) == (200, [name.partition(".")[0]])


async def test_a_kit_without_a_forge_makes_its_own_keys() -> None:
    made = Kit(kit(forward_only).start)

    assert "twice" in await made.check([made.forge.valid("debit.paid")])
