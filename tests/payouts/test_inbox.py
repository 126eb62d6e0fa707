"""Stored notifications of payouts, and what is kept of them."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gopay_async.payouts import Account, How, State
from gopay_async.payouts.desk import Desk, Watch
from gopay_async.payouts.inbox import apply_notices, read_notice
from gopay_async.payouts.plan import Rules
from gopay_async.payouts.records import Job
from gopay_async.simulator import VirtualClock

from .world import World, some, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


def body(reference: str, status: str, **more: str) -> str:
    said = {"reference_no": f"A{reference}", "partner_reference_no": reference, "amount": "10001.00", "status": status}
    return json.dumps({**said, "updated_at": "2026-11-20T12:00:00Z", **more})


def desk_of(here: World, job: Job) -> Desk:
    async def tell(*_: object) -> None:
        pass

    return Desk(here.ledger, job, "QueryTransfer", Rules(), Watch(here.clock), tell)


def test_what_is_stored_is_read_as_it_came() -> None:
    text = body("pay-1", "completed")

    one = read_notice(text)

    assert (one.partner_reference_no, one.body.decode()) == ("pay-1", text)
    assert one.raw == json.loads(text)


async def test_a_run_applies_all_that_wait_however_many(here: World) -> None:
    job = await here.submit(some(501))
    await here.run(job, wait=timedelta(0))
    for number in range(1, 502):
        await here.ledger.receive(
            read_notice(body(f"pay-{number}", "completed", amount=f"{10_000 + number}")), here.account
        )

    ended = await here.run(job, wait=timedelta(0))

    assert ended.how is How.PAID


async def test_each_is_applied_once_and_says_what_it_did(here: World) -> None:
    job = await here.submit(some(2))
    await here.run(job, wait=timedelta(0))
    first, second = await here.ledger.rows(job.id)
    texts = [body("pay-1", "completed"), body("nobodys", "completed"), body("pay-1", "failed")]
    for one in texts:
        await here.ledger.receive(read_notice(one), here.account)
    desk = desk_of(here, job)

    assert [await apply_notices(desk, job), await apply_notices(desk, job)] == [3, 0]

    assert await here.ledger.notices_of(first.id) == [
        (texts[0], "accepted -> paid"),
        (texts[2], "paid -> returned"),
    ]
    assert await here.ledger.notices_of(second.id) == []
    with closing(sqlite3.connect(here.ledger.path)) as other:
        (stray,) = other.execute("SELECT effect FROM notices WHERE payout IS NULL")
    assert stray == ("no payout of this ledger has its reference",)
    assert await here.ledger.strays(here.account, since=job.imported_at) == [(2, texts[1])]
    assert (await here.ledger.payout(first.id)).state is State.RETURNED


async def test_one_about_something_else_is_noted_too(here: World) -> None:
    job = await here.submit(some(1))
    stranger = json.loads(body("pay-1", "topup"))
    del stranger["partner_reference_no"]
    await here.ledger.receive(read_notice(json.dumps(stranger)), here.account)
    assert [reference for _, reference, _ in await here.ledger.unread(here.account)] == [""]

    assert await apply_notices(desk_of(here, job), job) == 1

    assert await here.ledger.unread(here.account) == []
    assert [number for number, _ in await here.ledger.strays(here.account, since=job.imported_at)] == [1]
    assert (await here.only(job)).state is State.PLANNED


async def test_what_is_applied_stands_in_the_history_of_the_payout(here: World) -> None:
    job = await here.submit(some(1))
    await here.run(job, wait=timedelta(0))
    payout = await here.only(job)
    here.clock.advance(5)
    long = "on_its_way_" * 10
    await here.ledger.receive(read_notice(body("pay-1", long)), here.account)
    await here.ledger.receive(read_notice(body("pay-1", "completed")), here.account)

    await apply_notices(desk_of(here, job), job)

    unknown, paid = (await here.ledger.history(payout.id))[-2:]
    assert (unknown.kind, unknown.attempt, unknown.outcome) == ("notified", 1, long[:40])
    assert (paid.kind, paid.attempt, paid.outcome) == ("notified", 1, "completed")
    assert (paid.before, paid.state) == ("accepted", "paid")
    assert abs(paid.at - here.clock.now()) < timedelta(minutes=1)
    assert "completed" in paid.said


async def test_strays_are_read_from_the_instant_and_after_the_number_that_are_given(here: World) -> None:
    job = await here.submit(some(1))
    here.clock = here.ledger.clock = VirtualClock(here.clock.now())
    since = here.clock.now()
    for number in range(3):
        await here.ledger.receive(read_notice(body(f"nobody-{number}", "completed")), here.account)
    await here.ledger.receive(read_notice(body("unread", "completed")), Account("PRODUCTION", "me"))
    await apply_notices(desk_of(here, job), job)
    await here.ledger.receive(read_notice(body("unread", "completed")), here.account)

    async def numbers(**given: Any) -> list[int]:
        return [number for number, _ in await here.ledger.strays(here.account, **{"since": since, **given})]

    assert await numbers() == [1, 2, 3]
    assert await numbers(after=1) == [2, 3]
    assert await numbers(after=1, limit=1) == [2]
    assert await numbers(since=since + timedelta(microseconds=1)) == []
