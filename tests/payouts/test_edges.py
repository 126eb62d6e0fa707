"""Rare moments of bulk payouts: a reader, a file, a clock or an answer that is not what it usually is."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from gopay_async import GoPaySession
from gopay_async.clock import Clock
from gopay_async.credentials import Environment
from gopay_async.errors import BadRows, LedgerBusy, LedgerError, LedgerReadOnly
from gopay_async.exchange import Response
from gopay_async.payouts import How, Moved, Payout, Rules, Runner, Slowed, State, draft_of_rows, open_ledger
from gopay_async.payouts.accounts import verify_accounts
from gopay_async.payouts.database import in_our_words
from gopay_async.payouts.desk import Desk, Watch
from gopay_async.payouts.inbox import apply_notices, read_notice
from gopay_async.payouts.lock import exclusive
from gopay_async.payouts.plan import Claimed, Crashed, Reach
from gopay_async.payouts.progress import Waiting
from gopay_async.payouts.records import Happened, Job, Move
from gopay_async.payouts.runner import _Run
from gopay_async.payouts.source import FileSource
from gopay_async.simulator import VirtualClock
from tests.keys_for_tests import credentials

from .facts import START
from .provider import Provider, said
from .world import World, some, stream, top_up, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


class Unwilling(Provider):
    """Accepts top-ups, and answers every inquiry with one code."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code

    def _inquiry(self, reference: str) -> Response:
        self.asked.append(reference)
        return said(int(self.code[:3]), self.code)


class NoAccounts(Provider):
    """Answers everything but the token with one code."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code

    async def send(self, request: Any, departure: Any) -> Response:
        if request.target.endswith("/b2b"):
            return await super().send(request, departure)
        departure.unsent = False
        return said(int(self.code[:3]), self.code)


@asynccontextmanager
async def speaking_to(provider: Provider, clock: Clock) -> AsyncIterator[GoPaySession]:
    where = Environment.at("http://127.0.0.1:9")
    async with GoPaySession(credentials(), where, transport=provider, clock=clock, jitter=lambda: 0.0) as session:
        yield session


# --- whose number it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["4043701", "4043711"])
async def test_a_number_without_an_account_is_a_problem(code: str) -> None:
    async with (
        speaking_to(NoAccounts(code), VirtualClock()) as session,
        draft_of_rows(stream(some(1)), name="x") as draft,
    ):
        assert [done async for done in verify_accounts(draft, session)] == [1]

        assert [str(one) for one in draft.problems] == [f"line 1, customer_number: has no account ({code} said)"]
        assert not draft.warnings


async def test_a_number_that_cannot_be_verified_must_be_confirmed() -> None:
    provider = NoAccounts("4033701")
    async with speaking_to(provider, VirtualClock()) as session, draft_of_rows(stream(some(1)), name="x") as draft:
        assert [done async for done in verify_accounts(draft, session)] == [1]

        assert [(one.line, one.confirm) for one in draft.warnings] == [(1, True)]
        assert not draft.problems


# --- files -----------------------------------------------------------------------------------------------------------


async def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerReadOnly, match="cannot be read: Is a directory"):
        async with open_ledger(tmp_path):
            pass


def test_an_error_that_sqlite_has_no_name_for_is_named_after_its_kind() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.close()

        with pytest.raises(LedgerError, match=r"cannot be used\. \(ProgrammingError\)"), in_our_words():
            connection.execute("SELECT 1")


async def test_rows_that_cannot_be_read_to_their_end_leave_no_job(here: World) -> None:
    row = {"reference": "a", "number": "62", "name": "n", "amount": 1, "notes": "n", "email": None, "provider": "g"}

    def pages() -> Iterator[list[dict[str, Any]]]:
        yield [{**row, "line": 1}]
        raise OSError("the draft is gone")

    with pytest.raises(OSError, match="the draft is gone"):
        await here.ledger.import_job(pages(), digest="d" * 64, name="x", account=here.account, rows=1, total=1)

    assert await here.ledger.jobs() == []
    assert await here.ledger.known(here.account, ["a"]) == []


async def test_an_import_that_is_cancelled_leaves_no_job_and_asks_for_no_more_rows(here: World) -> None:
    row = {"number": "62", "name": "n", "amount": 1, "notes": "n", "email": None, "provider": "g"}
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def endless() -> Iterator[list[dict[str, Any]]]:
        for one in count():
            yield [{**row, "line": one, "reference": f"pay-{one}"}]
            loop.call_soon_threadsafe(begun.set)

    importing = asyncio.create_task(
        here.ledger.import_job(endless(), digest="d" * 64, name="x", account=here.account, rows=1, total=1)
    )
    await begun.wait()
    importing.cancel()
    await asyncio.wait({importing})

    assert importing.cancelled()
    assert await here.ledger.jobs() == []


def test_a_lock_that_cannot_say_whose_it_is_holds_all_the_same(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    with (
        no_room(),
        exclusive(ledger, purpose="me", at=START),
        pytest.raises(LedgerBusy, match="has not said"),
        exclusive(ledger, purpose="you", at=START),
    ):
        pass


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_with_line_ends_of_an_old_macintosh_is_refused_as_a_whole(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "rows.csv")
    source.path.write_bytes(b"partner_reference_no,customer_number\rpay-1,62\r")

    with pytest.raises(BadRows, match=r"rows\.csv, line 1: cannot be read as CSV .*: save it as CSV UTF-8"):
        list(source.rows())


def test_what_follows_an_unreadable_line_counts_for_the_digest(tmp_path: Path) -> None:
    header = "partner_reference_no,customer_number,customer_name,amount,notes\n"
    content = f'{header}"pay-1"x,62,n,1,n\npay-2,62,n,1,n\npay-3,62,n,1,n\n'.encode()
    source = FileSource(tmp_path / "rows.csv")
    source.path.write_bytes(content)

    (row,) = source.rows()

    assert "cannot be read as CSV" in str(row.problems[0])
    assert source.sha256 == sha256(content).hexdigest()


# --- clocks ----------------------------------------------------------------------------------------------------------


@define
class Wall:
    """A wall clock that can be set, and that notes whenever somebody sleeps."""

    inner: VirtualClock
    back: timedelta = timedelta(0)
    runner: Runner | None = None

    def now(self) -> datetime:
        return self.inner.now() - self.back

    def monotonic(self) -> float:
        return self.inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        if self.runner is not None:
            self.runner.stop()
        await self.inner.sleep(seconds)


def test_what_the_ledger_knows_from_before_does_not_take_the_clock_back() -> None:
    wall = Wall(VirtualClock())
    watch = Watch(wall)
    first = watch.moment().at
    wall.back = timedelta(hours=2)

    watch.begin(first - timedelta(hours=1))

    assert watch.moment().at == first


# --- steps that somebody else took first -----------------------------------------------------------------------------


def desk_of(here: World, job: Job, told: list[Moved]) -> Desk:
    async def tell(*moved: Moved) -> None:
        told.extend(moved)

    return Desk(here.ledger, job, "QueryTransfer", Rules(), Watch(here.clock), tell)


async def test_a_fact_about_a_row_that_has_moved_is_judged_again(here: World) -> None:
    job = await here.submit(some(1))
    before = await here.only(job)
    desk = desk_of(here, job, [])
    when = desk.watch.moment()
    await desk.enter(before, Claimed(when=when), Happened(at=when.at, kind="claimed"))

    await desk.enter(before, Crashed(when=when), Happened(at=when.at, kind="recovered"))

    assert (await here.only(job)).state is State.UNKNOWN


async def test_a_row_that_was_claimed_meanwhile_is_not_claimed_again(here: World) -> None:
    job = await here.submit(some(2))
    rows = await here.ledger.rows(job.id)
    told: list[Moved] = []
    desk = desk_of(here, job, told)
    fact = Claimed(when=desk.watch.moment())
    await desk.enter_all(rows[:1], fact, "claimed", lambda: "1")

    taken = await desk.enter_all(rows, fact, "claimed", lambda: "2")

    assert [(one.reference, one.external_id) for one in taken] == [("pay-2", "2")]
    assert [one.reference for one in told] == ["pay-1", "pay-2"]


def step(payout: Payout, **changes: Any) -> Move:
    then = evolve(payout.standing, **changes)
    event = Happened(at=payout.standing.imported_at, kind="asked")
    return Move(payout=payout.id, before=payout.standing, after=then, external_id="1", event=event)


async def test_an_inquiry_that_was_wrong_about_another_job_is_held_against_that_job(here: World) -> None:
    other, mine = await here.submit([top_up("other")], name="other"), await here.submit(some(1), name="mine")
    await here.ledger.move([step(await here.only(other), reach=Reach.NOT_FOUND)])
    body = '{"reference_no": "A", "partner_reference_no": "other", "amount": "10000.00", "status": "completed"}'
    await here.ledger.receive(read_notice(body), here.account)

    desk = desk_of(here, mine, [])

    await apply_notices(desk, mine)

    wrong = "the provider holds a reference that the inquiry did not find"
    assert [(await here.ledger.job(one.id)).distrust for one in (other, mine)] == [wrong, ""]
    assert desk.trust.distrust == ""


async def test_a_row_that_waits_to_be_sent_again_is_not_sent_once_the_inquiry_was_wrong(here: World) -> None:
    job = await here.submit(some(1))
    await here.ledger.move([step(await here.only(job), reach=Reach.NOT_FOUND)])
    await here.ledger.distrust(job.id, "the inquiry was wrong")

    ended = await here.run(job, wait=timedelta(0))

    assert (ended.how, (await here.only(job)).state) == (How.OPEN, State.UNKNOWN)
    assert here.provider.external_ids == []


# --- whoever is gone -------------------------------------------------------------------------------------------------


async def test_a_step_nobody_waited_for_is_written_before_the_ledger_closes(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        job = await here.submit(some(1))
        here.ledger.submit([step(await here.only(job), state=State.SENDING, attempt=1)])

    async with world(tmp_path) as here:
        assert (await here.only(job)).state is State.SENDING


async def test_a_step_whose_asker_is_gone_is_written_all_the_same(here: World) -> None:
    job = await here.submit(some(2))
    first, second = [step(one, state=State.SENDING, attempt=1) for one in await here.ledger.rows(job.id)]

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await here.ledger.move([first])

    assert await here.ledger.move([second]) == [True]
    assert set((await here.states(job)).values()) == {State.SENDING}


async def test_a_reader_that_leaves_unread_events_behind_ends_the_run(here: World) -> None:
    job = await here.submit(some(10))
    events = here.runner(concurrency=1).run(job)

    await anext(events)
    await here.provider.started.wait()
    await events.aclose()  # type: ignore[attr-defined]  # an async generator has it

    assert (await here.run(job)).how is How.PAID
    assert here.payments() == [1] * 10


async def test_nothing_is_kept_for_a_reader_that_is_gone(here: World) -> None:
    run = _Run(here.runner(), await here.submit(some(1)))
    await run.tell(Waiting(seconds=1.0))
    await run.leave(asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type]  # any task that hangs

    await run.tell(Waiting(seconds=2.0))

    assert run.events.empty()


# --- inquiries -------------------------------------------------------------------------------------------------------


async def test_a_stop_asks_nothing_that_has_not_begun(here: World) -> None:
    job = await here.submit(some(2))
    await here.run(job, wait=timedelta(0))
    here.clock.advance(timedelta(minutes=15))
    runner = here.runner(rate=1.0)
    runner.clock = Wall(here.clock, runner=runner)

    *_, ended = [event async for event in runner.run(job)]

    assert ended.how is How.INTERRUPTED  # type: ignore[union-attr]  # the last event of every run
    assert here.provider.asked == ["pay-1"]


async def test_429_to_an_inquiry_slows_the_job(here: World) -> None:
    async with speaking_to(Unwilling("4293600"), here.clock) as here.session:
        ended = await here.pay(some(1), wait=timedelta(minutes=15))

    assert (ended.how, list(ended.counts)) == (How.OPEN, [State.ACCEPTED])
    assert [one.rate for one in here.told if isinstance(one, Slowed)] == [50.0, 25.0, 12.5]
