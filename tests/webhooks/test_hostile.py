"""Over real sockets: whoever is slow, large, wrong or gone gets a defined answer and little memory."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from gopay_async.webhooks import NotificationApp, NotificationVerifier, sign_notification
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.ports import free_port
from tests.webhooks.events import PATH, Shop, body, verifier


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """Serve *app* with uvicorn in this process."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off", http="h11"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        yield port
    finally:
        server.should_exit = True
        await task


def request(sent: bytes, *, method: str = "POST", **headers: str) -> bytes:
    found = {"Host": "shop", **sign_notification(body(), PROVIDER_KEY), "Content-Length": str(len(sent)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in found.items() if value)
    return f"{method} {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + sent


async def exchange(port: int, *pieces: bytes) -> tuple[int, str]:
    """Return status and response code of what comes back after *pieces*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for one in pieces:
        writer.write(one)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    answer = json.loads(await reader.readexactly(length))
    writer.close()
    return int(head.split()[1]), answer["responseCode"]


def chunked(sent: bytes, size: int) -> bytes:
    parts = [sent[start : start + size] for start in range(0, len(sent), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in parts) + b"0\r\n\r\n"


CHUNKED = {"Transfer-Encoding": "chunked", "Content-Length": ""}
CASES = {
    "as it should be": (request(body()), (200, "2005600")),
    "chunked, without a length": (request(b"", **CHUNKED) + chunked(body(), 7), (200, "2005600")),
    "chunked and endless": (request(b"", **CHUNKED) + chunked(b" " * 200_000, 4096), (413, "4135600")),
    "a length that is too large": (request(b"", **{"Content-Length": "70000"}), (413, "4135600")),
    "another method": (request(b"", method="PUT"), (405, "4055600")),
    "another type": (request(body(), **{"Content-Type": "text/xml"}), (415, "4155600")),
    "an empty body": (request(b""), (400, "4005601")),
    "a body that ends too late": (request(body()[:10], **{"Content-Length": "99"}), (408, "4085600")),
    "a stranger's signature": (request(body(), **sign_notification(body(), MERCHANT_KEY)), (401, "4015600")),
}


@pytest.mark.parametrize("case", CASES)
async def test_every_answer_is_defined(case: str) -> None:
    sent, expected = CASES[case]
    # Only one of them waits for what never comes: a slow machine may take its time over the others.
    app = NotificationApp(verifier(), Shop(), read_timeout=0.05 if expected[0] == 408 else 30.0)
    async with serving(app) as port:
        assert await exchange(port, sent) == expected


async def test_a_sender_that_disconnects_does_not_stop_the_handler() -> None:
    started, release, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(given: object) -> None:
        started.set()
        await release.wait()
        done.set()

    async with serving(NotificationApp(verifier(), handler)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(body()))
        await started.wait()
        writer.close()
        await writer.wait_closed()
        release.set()
        await done.wait()


async def test_a_sender_that_leaves_in_the_middle_of_its_body_has_nothing_handled() -> None:
    shop = Shop()
    async with serving(NotificationApp(verifier(), shop)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(body())[:-5])
        writer.close()
        await writer.wait_closed()

        assert await exchange(port, request(body())) == (200, "2005600")
    assert len(shop.seen) == 1


async def test_two_hundred_slow_senders_are_cut_off_with_bounded_memory() -> None:
    app = NotificationApp(verifier(), Shop(), read_timeout=0.3, max_requests=100)
    slow = request(b"x" * 60_000, **{"Content-Length": "65000"})
    async with serving(app) as port:
        tracemalloc.start()
        answers = await asyncio.gather(*(exchange(port, slow) for _ in range(200)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert {one[0] for one in answers} <= {408, 500}
    # Both ends live in this process: 200 senders of 60 kB, and no more than 100 bodies with their copies.
    assert peak < 200 * 60_000 * 4
    print(f"peak {peak / 1e6:.1f} MB for 200 slow senders of 60 kB")  # noqa: T201  # the measured figure


async def test_a_key_rotation_under_load_refuses_not_one() -> None:
    shop, accepting = Shop(), NotificationVerifier({"old": MERCHANT_KEY.public_key()})
    app, signer = NotificationApp(accepting, shop), {"key": MERCHANT_KEY}
    async with serving(app) as port:

        async def load(sender: int) -> list[int]:
            answers = []
            for number in range(40):
                sent = body(number=f"{sender}-{number}")
                headers = sign_notification(sent, signer["key"])
                answers.append((await exchange(port, request(sent, **headers)))[0])
            return answers

        tasks = [asyncio.create_task(load(sender)) for sender in range(5)]
        await until(lambda: len(shop.seen) > 50)
        accepting.keys.add("new", PROVIDER_KEY.public_key())
        await until(lambda: len(shop.seen) > 80)
        signer["key"] = PROVIDER_KEY
        # A sender whose new signature was accepted has no old one under way.
        await until(lambda: {sender_of(one) for one in shop.seen if one.key == "new"} == set("01234"))
        accepting.keys.remove("old")
        answers = [one for found in await asyncio.gather(*tasks) for one in found]

    assert (set(answers), len(shop.seen), {one.key for one in shop.seen}) == ({200}, 200, {"old", "new"})


def sender_of(given: Any) -> str:
    return str(given.original_reference_no)[0]


async def until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110  # the load must go on meanwhile
        await asyncio.sleep(0.001)
