"""The access token: one flight however many wait, nobody harmed by another's end, renewed in time, shared by stores."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from attrs import define, field

from gopay_async import Environment, GoPaySession
from gopay_async.api import IssueToken, TokenIssued
from gopay_async.errors import OperationError, SessionMisuse, TokenUnavailable, Unauthorized
from gopay_async.exchange import Request, Response
from gopay_async.tokens import AccessToken, MemoryTokenStore, TokenSource
from gopay_async.transport import Departure

from .calls import NOON, STATE, TOP_UP, TurnedClock, gopay
from .keys_for_tests import credentials
from .misbehaving import answer, held, issue, misbehaving


@define
class Bank:
    """A transport that answers at once, tokens as soon as its door is open."""

    door: asyncio.Event = field(factory=asyncio.Event)
    token_calls: int = 0
    calls: int = 0
    is_closed: bool = False

    async def send(self, request: Request, departure: Departure) -> Response:
        if request.target != IssueToken.endpoint.path:
            self.calls += 1
            return Response(200, {}, b'{"responseCode":"2005500","latestTransactionStatus":"00"}')
        self.token_calls += 1
        await self.door.wait()
        return Response(200, {}, b'{"accessToken":"token"}')

    async def aclose(self) -> None:
        self.is_closed = True


# --- one flight ----------------------------------------------------------------------------------------------------


async def test_ten_thousand_first_calls_make_one_token_request() -> None:
    bank = Bank()
    async with GoPaySession(credentials(), Environment.SANDBOX, transport=bank) as session:
        bank.door.set()
        await asyncio.gather(*(session.send(STATE.operation) for _ in range(10_000)))

    assert (bank.token_calls, bank.calls) == (1, 10_000)


async def test_calls_that_come_while_the_token_is_fetched_wait_for_it() -> None:
    async with misbehaving(answer(STATE.good), tokens=(held(issue()),)) as server, gopay(server) as session:
        first = asyncio.create_task(session.send(STATE.operation))
        await server.arrived(token_calls=1)
        others = [asyncio.create_task(session.send(STATE.operation)) for _ in range(20)]
        await anyio.wait_all_tasks_blocked()
        server.release()
        await asyncio.gather(first, *others)

    assert (len(server.token_calls), len(server.calls)) == (1, 21)


@pytest.mark.parametrize("who", [0, 1, 9])
async def test_a_waiter_that_is_cancelled_harms_nobody(who: int) -> None:
    async with misbehaving(answer(STATE.good), tokens=(held(issue()),)) as server, gopay(server) as session:
        tasks = [asyncio.create_task(session.send(STATE.operation)) for _ in range(10)]
        await server.arrived(token_calls=1)
        tasks[who].cancel()
        await asyncio.wait([tasks[who]])
        server.release()
        ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(end) for end in ends].count(asyncio.CancelledError) == 1
    assert (len(server.token_calls), len(server.calls)) == (1, 9)


async def test_the_token_is_there_although_all_who_waited_were_cancelled() -> None:
    async with misbehaving(answer(STATE.good), tokens=(held(issue()),)) as server, gopay(server) as session:
        tasks = [asyncio.create_task(session.send(STATE.operation)) for _ in range(3)]
        await server.arrived(token_calls=1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        server.release()
        await session.send(STATE.operation)

    assert len(server.token_calls) == 1


async def test_a_waiter_that_runs_out_of_time_harms_nobody() -> None:
    async with misbehaving(answer(STATE.good), tokens=(held(issue()),)) as server, gopay(server) as session:
        patient = asyncio.create_task(session.send(STATE.operation))
        with pytest.raises(TokenUnavailable):
            await session.send(STATE.operation, timeout=0.02)
        server.release()
        await patient

    assert len(server.token_calls) == 1


# --- a failed fetch ------------------------------------------------------------------------------------------------

NO = answer({"responseCode": "4017300", "responseMessage": "Unauthorized. Signature"}, 401)


async def test_those_who_waited_for_a_failed_fetch_share_its_error() -> None:
    async with misbehaving(tokens=(held(NO),)) as server, gopay(server) as session:
        tasks = [asyncio.create_task(session.send(TOP_UP.operation)) for _ in range(10)]
        await server.arrived(token_calls=1)
        server.release()
        ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert {type(end) for end in ends} == {TokenUnavailable}
    assert [type(cause) for cause in {end.__cause__ for end in ends if isinstance(end, OperationError)}] == [
        Unauthorized
    ]
    assert len(server.token_calls) == 1


async def test_a_failed_fetch_is_forgotten_and_the_next_call_starts_another() -> None:
    async with misbehaving(answer(STATE.good), tokens=(NO, issue())) as server, gopay(server) as session:
        with pytest.raises(TokenUnavailable):
            await session.send(STATE.operation)
        await session.send(STATE.operation)

    assert len(server.token_calls) == 2


async def test_a_failed_fetch_that_nobody_waits_for_any_more_is_not_complained_of() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    async with misbehaving(tokens=(held(NO),)) as server, gopay(server) as session:
        task = asyncio.create_task(session.send(STATE.operation))
        await server.arrived(token_calls=1)
        task.cancel()
        await asyncio.wait([task])
        server.release()
        await anyio.wait_all_tasks_blocked()

    assert complaints == []


async def test_the_error_says_why_there_is_no_token() -> None:
    async with misbehaving(tokens=(NO,)) as server, gopay(server) as session:
        with pytest.raises(TokenUnavailable) as caught:
            await session.send(TOP_UP.operation)

    assert caught.value.operation is TOP_UP.operation
    assert all(word in str(caught.value) for word in ("TopUp", "4017300", "private key"))


# --- its life ------------------------------------------------------------------------------------------------------

ABSURD: list[object] = [None, "", "0", 0, -1, "-1", "soon", 1.5, "1e3", 86_401, "9" * 400, True, [], "٣٣٣"]
LIVES: list[tuple[object, int]] = [
    ("900", 900),
    (900, 900),
    ("120", 120),
    (" 120 ", 120),
    (86_400, 86_400),
    *((absurd, 900) for absurd in ABSURD),
]


@pytest.mark.parametrize(("told", "seconds"), LIVES)
async def test_a_token_is_used_until_thirty_seconds_before_its_end(told: object, seconds: int) -> None:
    clock = TurnedClock()
    async with misbehaving(answer(STATE.good), tokens=(issue(told),)) as server, gopay(server, clock=clock) as session:
        await session.send(STATE.operation)
        clock.turn(seconds - 31)
        await session.send(STATE.operation)
        clock.turn(1)
        await session.send(STATE.operation)

    assert [seen.headers["authorization"] for seen in server.calls] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]


@pytest.mark.parametrize(("told", "renewed_after"), [("30", 20), ("3", 2), ("90", 60), ("91", 61)])
def test_a_short_life_is_used_for_two_thirds(told: str, renewed_after: float) -> None:
    token = AccessToken.of(TokenIssued(access_token="t", expires_in=told), NOON)

    assert token.renew_at == NOON + timedelta(seconds=renewed_after)


async def test_a_life_counts_from_the_moment_the_token_was_asked_for() -> None:
    clock = TurnedClock()

    async def fetch() -> TokenIssued:
        clock.turn(100)
        return TokenIssued(access_token="t", expires_in="900")

    store = MemoryTokenStore()
    await TokenSource(fetch, store, "key", clock).get()

    assert await store.load("key") == AccessToken("t", NOON + timedelta(seconds=870))


@pytest.mark.parametrize("body", [{}, {"accessToken": None}, {"accessToken": {}}, {"responseCode": "2007300"}])
async def test_an_answer_without_a_token_is_none(body: dict[str, Any]) -> None:
    async with misbehaving(tokens=(answer(body),)) as server, gopay(server) as session:
        with pytest.raises(TokenUnavailable):
            await session.send(STATE.operation)

    assert server.calls == []


@pytest.mark.parametrize("code", ["2007300", "2007400", "20073000", "", None])
async def test_a_token_is_taken_under_any_code(code: str | None) -> None:
    token = answer({"responseCode": code, "accessToken": "t"})
    async with misbehaving(answer(STATE.good), tokens=(token,)) as server, gopay(server) as session:
        await session.send(STATE.operation)

    assert server.calls[0].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize("token", ["", " ", "two words", "evil\r\nX-Evil: 1", "tokén", "\x00"])
async def test_a_token_that_does_not_fit_into_a_header_is_none(token: str) -> None:
    spoiled = misbehaving(answer(STATE.good), tokens=(answer({"accessToken": token}),))
    async with spoiled as server, gopay(server) as session:
        with pytest.raises(TokenUnavailable):
            await session.send(STATE.operation)

    assert server.calls == []


# --- a session that is closed --------------------------------------------------------------------------------------


async def test_closing_a_session_ends_the_fetch_and_those_who_wait_for_it() -> None:
    async with misbehaving(tokens=(held(issue()),)) as server, gopay(server) as session:
        tasks = [asyncio.create_task(session.send(STATE.operation)) for _ in range(3)]
        await server.arrived(token_calls=1)
        await session.aclose()
        ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(end) for end in ends] == [TokenUnavailable] * 3
    assert [type(end.__cause__) for end in ends if isinstance(end, BaseException)] == [SessionMisuse] * 3


async def test_no_task_outlives_its_session() -> None:
    before = asyncio.all_tasks()
    async with misbehaving(tokens=(held(issue()),)) as server:
        async with gopay(server) as session:
            task = asyncio.create_task(session.send(STATE.operation))
            await server.arrived(token_calls=1)
            task.cancel()
        left = {one.get_name() for one in asyncio.all_tasks() - before}

    assert "gopay_async access token" not in left


def fetch() -> "asyncio.Task[Any]":
    (found,) = (one for one in asyncio.all_tasks() if one.get_name() == "gopay_async access token")
    return found


async def test_a_fetch_that_was_cancelled_before_it_began_is_followed_by_another() -> None:
    bank = Bank()
    bank.door.set()
    async with GoPaySession(credentials(), Environment.SANDBOX, transport=bank) as session:
        first = asyncio.create_task(session.send(STATE.operation))
        await asyncio.sleep(0)
        fetch().cancel()
        with pytest.raises(TokenUnavailable):
            await first
        await session.send(STATE.operation)

    assert (bank.token_calls, bank.calls) == (1, 1)


class Clinging(MemoryTokenStore):
    """A store whose lock is not given back."""

    @contextlib.asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.Event().wait()

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        return self._held()


async def test_the_pool_is_closed_although_the_end_of_the_fetch_cannot_be_awaited() -> None:
    bank = Bank()
    async with GoPaySession(credentials(), Environment.SANDBOX, transport=bank, token_store=Clinging()) as session:
        waiter = asyncio.create_task(session.send(STATE.operation))
        await anyio.wait_all_tasks_blocked()
        end = asyncio.create_task(session.aclose())
        await anyio.wait_all_tasks_blocked()
        end.cancel()
        await asyncio.wait({end})
        is_closed = bank.is_closed
        fetch().cancel()
        await asyncio.wait({waiter})

    assert is_closed


# --- rejection -----------------------------------------------------------------------------------------------------


async def source(*values: str, store: MemoryTokenStore | None = None) -> TokenSource:
    """Return a source that fetches *values*, one after the other."""
    stock = iter(values)

    async def fetch() -> TokenIssued:
        return TokenIssued(access_token=next(stock))

    return TokenSource(fetch, store or MemoryTokenStore(), "key", TurnedClock())


async def test_a_rejected_token_is_not_used_again() -> None:
    tokens = await source("a", "b")
    tokens.reject(await tokens.get())

    assert await tokens.get() == "b"


async def test_a_late_rejection_of_an_old_token_leaves_the_new_one() -> None:
    tokens = await source("a", "b")
    tokens.reject(await tokens.get())
    await tokens.get()
    tokens.reject("a")

    assert await tokens.get() == "b"


async def test_a_late_rejection_of_an_old_token_does_not_bring_back_a_newer_rejected_one() -> None:
    tokens = await source("a", "b", "c")
    tokens.reject(await tokens.get())
    tokens.reject(await tokens.get())
    tokens.reject("a")

    assert await tokens.get() == "c"


async def test_a_token_rejected_for_one_session_is_replaced_for_the_other() -> None:
    store = MemoryTokenStore()
    one, other = await source("a", "b", store=store), await source("never", store=store)
    await one.get()
    await other.get()
    one.reject("a")
    await one.get()
    other.reject("a")

    assert await other.get() == "b"


# --- stores --------------------------------------------------------------------------------------------------------


async def test_sessions_that_share_a_store_fetch_once() -> None:
    store = MemoryTokenStore()
    async with (
        misbehaving(answer(STATE.good)) as server,
        gopay(server, token_store=store) as one,
        gopay(server, token_store=store) as other,
    ):
        await asyncio.gather(*(session.send(STATE.operation) for session in (one, other) for _ in range(10)))

    assert (len(server.token_calls), len(server.calls)) == (1, 20)


async def test_clients_do_not_share_a_token_although_they_share_a_store() -> None:
    store = MemoryTokenStore()
    async with misbehaving(answer(STATE.good)) as server:
        for client in ("one", "two"):
            async with gopay(server, token_store=store, credentials=credentials(client_id=client)) as session:
                await session.send(STATE.operation)

    assert len(server.token_calls) == 2


async def test_environments_do_not_share_a_token_although_they_share_a_store() -> None:
    store = MemoryTokenStore()
    async with misbehaving(answer(STATE.good)) as one, misbehaving(answer(STATE.good)) as other:
        for server in (one, other):
            async with gopay(server, token_store=store) as session:
                await session.send(STATE.operation)

    assert (len(one.token_calls), len(other.token_calls)) == (1, 1)


async def test_an_old_token_in_the_store_is_not_used() -> None:
    store = MemoryTokenStore()
    await store.save("key", AccessToken("old", NOON))
    tokens = await source("new", store=store)

    assert await tokens.get() == "new"


class Down(Exception):
    """The store is down."""


@define
class Failing:
    """A store of which one part fails."""

    part: str

    async def load(self, key: str) -> AccessToken | None:
        self._fail("load")
        return None

    async def save(self, key: str, token: AccessToken) -> None:
        self._fail("save")

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        self._fail("lock")
        return contextlib.nullcontext()

    def _fail(self, part: str) -> None:
        if part == self.part:
            raise Down(part)


@pytest.mark.parametrize("part", ["load", "save", "lock"])
async def test_a_store_that_fails_makes_the_token_unavailable(part: str) -> None:
    async with misbehaving(answer(STATE.good)) as server, gopay(server, token_store=Failing(part)) as session:
        with pytest.raises(TokenUnavailable) as caught:
            await session.send(STATE.operation)

    assert type(caught.value.__cause__) is Down
    assert server.calls == []


async def test_a_store_that_works_again_is_used_again() -> None:
    store = Failing("load")
    async with misbehaving(answer(STATE.good)) as server, gopay(server, token_store=store) as session:
        with pytest.raises(TokenUnavailable):
            await session.send(STATE.operation)
        store.part = "none"
        await session.send(STATE.operation)

    assert len(server.calls) == 1


def test_a_token_does_not_print() -> None:
    assert "secret" not in repr(AccessToken("secret", NOON)) + repr(
        MemoryTokenStore({"key": AccessToken("secret", NOON)})
    )
