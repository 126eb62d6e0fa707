"""The receiver as an ASGI application: acknowledged only when handled, refused as the table says."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import define, field

from gopay_async import ConfigurationError
from gopay_async.api import DebitNotification, Notification
from gopay_async.webhooks import NotificationApp, NotificationVerifier, sign_notification
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY

BODY = b'{"originalReferenceNo":"A120","latestTransactionStatus":"00","additionalInfo":{}}'
PATH = "/v1.0/debit/notify"


@define
class Shop:
    """A handler that remembers what it was given, and can be told to fail."""

    seen: list[Notification] = field(factory=list)
    error: Exception | None = None

    async def __call__(self, notification: Notification) -> None:
        self.seen.append(notification)
        if self.error:
            raise self.error


def app(handler: Any, **options: Any) -> NotificationApp:
    return NotificationApp(NotificationVerifier(PROVIDER_KEY.public_key()), handler, **options)


def events(*chunks: bytes) -> list[dict[str, Any]]:
    last = len(chunks) - 1
    return [{"type": "http.request", "body": one, "more_body": n < last} for n, one in enumerate(chunks)]


async def call(
    target: NotificationApp,
    body: bytes = BODY,
    *,
    headers: dict[str, str] | None = None,
    received: list[dict[str, Any]] | None = None,
    **scope: Any,
) -> tuple[int, dict[str, Any], dict[bytes, bytes]]:
    """Return status, envelope and headers of the reply."""
    found = sign_notification(body, PROVIDER_KEY) if headers is None else headers
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in found.items()]
    queue = events(body) if received is None else list(received)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    await target({"type": "http", "method": "POST", "path": PATH, "headers": pairs, **scope}, receive, send)
    start, end = sent
    return start["status"], json.loads(end["body"]), dict(start["headers"])


async def test_a_signed_notification_is_handled_and_then_acknowledged() -> None:
    shop = Shop()

    status, envelope, headers = await call(app(shop))

    assert (status, envelope["responseCode"]) == (200, "2005600")
    assert [type(one) for one in shop.seen] == [DebitNotification]
    assert headers[b"x-timestamp"].endswith(b"+07:00")


TAMPERED = {**sign_notification(BODY, PROVIDER_KEY), "X-EXTERNAL-ID": "1"}
REFUSALS = [
    ({"headers": sign_notification(BODY, MERCHANT_KEY)}, 401, "4015600"),
    ({"headers": {"Content-Type": "application/json"}}, 400, "4005602"),
    ({"headers": {**TAMPERED, "X-TIMESTAMP": "now"}}, 400, "4005601"),
    ({"method": "GET"}, 405, "4055600"),
    ({"method": "PUT"}, 405, "4055600"),
    ({"path": "/elsewhere"}, 404, "4045600"),
    ({"headers": {**TAMPERED, "Content-Type": "text/plain"}}, 415, "4155600"),
    ({"headers": {**TAMPERED, "Content-Length": "99999999"}}, 413, "4135600"),
    ({"headers": {**TAMPERED, "Content-Length": "9" * 4000}}, 413, "4135600"),
    ({"received": events(b"x" * 40_000, b"x" * 40_000)}, 413, "4135600"),
]


@pytest.mark.parametrize(
    ("request_", "status", "code"), REFUSALS, ids=[one[2] + str(n) for n, one in enumerate(REFUSALS)]
)
async def test_refusals_are_those_of_the_table(request_: dict[str, Any], status: int, code: str) -> None:
    shop = Shop()

    found, envelope, headers = await call(app(shop), **request_)

    assert (found, envelope["responseCode"], shop.seen) == (status, code, [])
    assert b"x-timestamp" in headers
    assert set(envelope) == {"responseCode", "responseMessage"}


async def test_a_wrong_method_is_told_the_right_one() -> None:
    _, _, headers = await call(app(Shop()), method="GET")

    assert headers[b"allow"] == b"POST"


async def test_a_refusal_tells_the_operator_what_the_sender_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gopay_async.webhooks")

    _, envelope, _ = await call(app(Shop()), headers=sign_notification(BODY, MERCHANT_KEY))

    assert "wrong_signature" in caplog.text
    assert envelope["responseMessage"] == "Unauthorized"


async def test_a_handler_that_fails_is_answered_with_500_so_that_the_provider_repeats() -> None:
    status, envelope, _ = await call(app(Shop(error=RuntimeError("database is down"))))

    assert (status, envelope) == (500, {"responseCode": "5005600", "responseMessage": "General Error"})


@pytest.mark.parametrize(
    ("root_path", "path"),
    [
        ("", PATH),
        ("/gopay", "/gopay" + PATH),
        ("", "/gopay" + PATH),
        ("/gopay", PATH),
        ("/gopay", "/gopay"),
        ("/gopay", "/gopay/"),
        ("", "/debit/notify"),
    ],
)
async def test_mounts_and_proxies_change_the_route_but_not_the_signed_path(root_path: str, path: str) -> None:
    status, _, _ = await call(app(Shop()), root_path=root_path, path=path)

    assert status == 200


async def test_several_verifiers_share_a_mount() -> None:
    old_and_new = [
        NotificationVerifier(MERCHANT_KEY.public_key()),
        NotificationVerifier(PROVIDER_KEY.public_key()),
    ]
    shop = Shop()

    status, _, _ = await call(NotificationApp(old_and_new, shop))

    assert (status, len(shop.seen)) == (200, 1)


async def test_chunks_are_put_together() -> None:
    status, _, _ = await call(app(Shop()), received=events(BODY[:10], BODY[10:20], BODY[20:]))

    assert status == 200


async def test_a_sender_that_leaves_in_the_middle_gets_no_reply_and_nothing_is_handled() -> None:
    shop = Shop()
    sent: list[Any] = []

    await app(shop)(scope(), receiving([{"type": "http.disconnect"}]), sending(sent))

    assert (sent, shop.seen) == ([], [])


def scope(**changes: Any) -> dict[str, Any]:
    pairs = [(k.lower().encode(), v.encode()) for k, v in sign_notification(BODY, PROVIDER_KEY).items()]
    return {"type": "http", "method": "POST", "path": PATH, "headers": pairs, **changes}


def receiving(queue: list[dict[str, Any]]) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return queue.pop(0) if queue else await asyncio.Event().wait()  # type: ignore[return-value]  # never returns

    return receive


def sending(sent: list[Any]) -> Callable[[Any], Awaitable[None]]:
    async def send(event: Any) -> None:
        sent.append(event)

    return send


async def test_a_sender_that_dawdles_is_cut_off() -> None:
    sent: list[Any] = []

    await app(Shop(), read_timeout=0.01)(scope(), receiving([]), sending(sent))

    assert (sent[0]["status"], json.loads(sent[1]["body"])["responseCode"]) == (408, "4085600")


async def test_a_server_that_cancels_does_not_stop_the_handler() -> None:
    started, release, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(notification: Notification) -> None:
        started.set()
        await release.wait()
        done.set()

    request = asyncio.create_task(app(handler)(scope(), receiving(events(BODY)), sending([])))
    await started.wait()
    request.cancel()
    release.set()
    await asyncio.wait({request})

    assert done.is_set()


async def test_lifespan_events_are_answered_but_not_needed() -> None:
    sent: list[Any] = []

    await app(Shop())({"type": "lifespan"}, receiving([{}, {}]), sending(sent))

    assert [one["type"] for one in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_closed() -> None:
    sent: list[Any] = []

    await app(Shop())({"type": "websocket"}, receiving([]), sending(sent))

    assert sent == [{"type": "websocket.close", "code": 1003}]


def test_a_handler_that_is_not_async_is_refused_when_it_is_given() -> None:
    with pytest.raises(ConfigurationError, match="async def"):
        app(lambda notification: None)


def test_an_app_without_a_verifier_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        NotificationApp([], Shop())
