"""Bodies, signed requests and calls that the tests of the receiver share."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from gopay_async.api import DebitNotification, Notification
from gopay_async.webhooks import NotificationApp, NotificationVerifier, sign_notification
from tests.keys_for_tests import PROVIDER_KEY

PATH = "/v1.0/debit/notify"


def body(status: str = "00", number: str = "A120", amount: str = "10000.00", **info: Any) -> bytes:
    return json.dumps(
        {
            "originalReferenceNo": number,
            "amount": {"value": amount, "currency": "IDR"},
            "latestTransactionStatus": status,
            "additionalInfo": info,
        },
        separators=(",", ":"),
    ).encode()


def verifier(**options: Any) -> NotificationVerifier:
    return NotificationVerifier(PROVIDER_KEY.public_key(), **options)


def notification(status: str = "00", number: str = "A120", **more: Any) -> DebitNotification:
    sent = body(status, number, **more)
    found = verifier().verify(headers=sign_notification(sent, PROVIDER_KEY), body=sent)
    assert isinstance(found, DebitNotification)
    return found


@define
class Shop:
    """A handler that remembers what it was given, and can be told to fail."""

    seen: list[Notification] = field(factory=list)
    errors: list[Exception] = field(factory=list)

    async def __call__(self, given: Notification) -> None:
        self.seen.append(given)
        if self.errors:
            raise self.errors.pop(0)


async def post(app: NotificationApp, sent: bytes, **changes: Any) -> tuple[int, str]:
    """Return status and response code of one delivery."""
    headers = changes.pop("headers", None) or sign_notification(sent, PROVIDER_KEY, path=changes.get("path", PATH))
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    out: list[Any] = []
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": pairs, **changes}
    await app(scope, receiving([{"type": "http.request", "body": sent, "more_body": False}]), sending(out))
    return out[0]["status"], json.loads(out[1]["body"])["responseCode"]


def receiving(queue: list[dict[str, Any]]) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    return receive


def sending(out: list[Any]) -> Callable[[Any], Awaitable[None]]:
    async def send(event: Any) -> None:
        out.append(event)

    return send
