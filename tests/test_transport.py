"""The aiohttp transport by itself: what it proves about a failure, what it reads, and how it ends."""

import asyncio
import json
import time

import aiohttp
import anyio
import pytest

from gopay_async.exchange import Request, Response
from gopay_async.transport import LIMIT, AiohttpTransport, Departure, TooLarge
from tests.ports import free_port

from .misbehaving import Wire, answer, close_after_head, hang, message, misbehaving, raw, too_large


def request(base: str, method: str = "POST", target: str = "/v1.0/call", body: bytes = b"{}") -> Request:
    return Request(method, base, target, {"Content-Type": "application/json"}, body)


async def failure(transport: AiohttpTransport, base: str, departure: Departure, method: str = "POST") -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # any exception will do: the departure is the proof
        await transport.send(request(base, method), departure)
    return caught.value


# --- proof ---------------------------------------------------------------------------------------------------------


async def test_a_request_that_was_answered_has_departed() -> None:
    transport, departure = AiohttpTransport(), Departure()
    async with misbehaving(answer({})) as server:
        await transport.send(request(server.url), departure)
        await transport.aclose()

    assert not departure.unsent


async def test_a_request_without_a_connection_has_not_departed() -> None:
    transport, departure = AiohttpTransport(), Departure()

    await failure(transport, f"http://127.0.0.1:{free_port()}", departure)
    await transport.aclose()

    assert departure.unsent


async def test_a_handshake_that_takes_too_long_proves_that_nothing_was_sent() -> None:
    transport, departure = AiohttpTransport(connect_timeout=0.02), Departure()
    # A server that speaks no TLS waits for the end of a line that never comes.
    async with misbehaving(hang) as server:
        error = await failure(transport, server.url.replace("http:", "https:"), departure)
        await transport.aclose()

    assert isinstance(error, TimeoutError)
    assert departure.unsent


async def test_a_lost_answer_proves_nothing() -> None:
    transport, departure = AiohttpTransport(), Departure()
    async with misbehaving(close_after_head) as server:
        await failure(transport, server.url, departure)
        await transport.aclose()

    assert not departure.unsent


async def test_each_of_two_requests_has_its_own_proof() -> None:
    transport, first, second = AiohttpTransport(connections=1), Departure(), Departure()
    async with misbehaving(hang) as server:
        tasks = [asyncio.create_task(transport.send(request(server.url), one)) for one in (first, second)]
        await server.arrived(1)
        await anyio.wait_all_tasks_blocked()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await transport.aclose()

    assert (first.unsent, second.unsent) == (False, True)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_the_library_repeats_nothing_by_itself(method: str) -> None:
    transport, departure = AiohttpTransport(), Departure()
    async with misbehaving(answer({}), close_after_head) as server:
        await transport.send(request(server.url, method), Departure())
        await failure(transport, server.url, departure, method)
        await transport.aclose()

    assert (len(server.calls), departure.unsent) == (2, False)


# --- reading -------------------------------------------------------------------------------------------------------


async def reply(data: bytes) -> Response:
    transport = AiohttpTransport()
    async with misbehaving(raw(data)) as server:
        try:
            return await transport.send(request(server.url), Departure())
        finally:
            await transport.aclose()


async def test_a_response_has_status_headers_in_any_case_and_the_body() -> None:
    found = await reply(b"HTTP/1.1 418 Tea\r\nx-TimeStamp: now\r\nContent-Length: 3\r\n\r\n\x00ab")

    assert (found.status, found.body) == (418, b"\x00ab")
    assert (found.header("X-TIMESTAMP"), found.header("Date")) == ("now", "")


async def test_chunks_are_put_together() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"

    assert (await reply(chunks)).body == b"abcde"


async def test_an_answer_is_read_up_to_its_limit() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LIMIT + b"x" * LIMIT

    assert len((await reply(whole)).body) == LIMIT


async def test_an_answer_beyond_the_limit_is_not_read_to_its_end() -> None:
    transport, departure = AiohttpTransport(), Departure()
    async with misbehaving(too_large(LIMIT)) as server:
        error = await failure(transport, server.url, departure)
        await transport.aclose()

    assert isinstance(error, TooLarge)
    assert not departure.unsent


async def test_an_endless_answer_is_cut() -> None:
    transport = AiohttpTransport()
    endless = raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (LIMIT + 1))
    async with misbehaving(endless) as server:
        error = await failure(transport, server.url, Departure())
        await transport.aclose()

    assert isinstance(error, TooLarge)


# --- the pool ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("idle", "connections"), [(9.5, 1), (10.5, 2)])
async def test_a_connection_is_idle_for_ten_seconds_at_most(
    idle: float, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = AiohttpTransport()
    async with misbehaving(answer({})) as server:
        await transport.send(request(server.url), Departure())
        monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + idle)
        await transport.send(request(server.url), Departure())
        await transport.aclose()

    assert server.connections == connections


async def test_what_comes_on_a_kept_connection_unasked_answers_no_request() -> None:
    transport, other = AiohttpTransport(), AiohttpTransport()

    async def and_more(wire: Wire) -> None:
        await answer({"answer": 1})(wire)
        await wire.server.released.wait()
        await wire.say(message({"answer": "nobody asked"}))

    async with misbehaving(and_more, answer({"answer": 2})) as server, misbehaving() as elsewhere:
        first = await transport.send(request(server.url), Departure())
        server.release()
        # Once there and back elsewhere: what is said here has arrived meanwhile.
        await other.send(request(elsewhere.url), Departure())
        second = await transport.send(request(server.url), Departure())
        await transport.aclose()
        await other.aclose()

    assert [json.loads(one.body)["answer"] for one in (first, second)] == [1, 2]
    assert (len(server.calls), server.connections) == (2, 2)


async def test_a_pool_that_was_never_used_can_be_closed() -> None:
    transport = AiohttpTransport()

    await transport.aclose()
    await transport.aclose()


async def test_a_closed_pool_stays_closed() -> None:
    transport, departure = AiohttpTransport(), Departure()
    async with misbehaving(answer({})) as server:
        await transport.aclose()
        error = await failure(transport, server.url, departure)

    assert isinstance(error, aiohttp.ClientError)
    assert (departure.unsent, server.connections) == (True, 0)


async def test_closing_the_pool_ends_those_who_wait_for_a_connection_without_cancelling_them() -> None:
    transport, departure = AiohttpTransport(connections=1), Departure()
    async with misbehaving(hang) as server:
        first = asyncio.create_task(transport.send(request(server.url), Departure()))
        await server.arrived(1)
        second = asyncio.create_task(transport.send(request(server.url), departure))
        await anyio.wait_all_tasks_blocked()
        await transport.aclose()
        await asyncio.wait([first, second])

    assert not second.cancelled()
    assert isinstance(second.exception(), aiohttp.ClientError)
    assert departure.unsent


def test_a_transport_needs_no_loop_to_be_made() -> None:
    assert AiohttpTransport().connections == 100
