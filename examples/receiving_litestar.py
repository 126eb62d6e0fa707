"""Receive signed notifications in Litestar."""

import os

from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from gopay_async import Money
from gopay_async.api import DebitNotification
from gopay_async.webhooks import NotificationApp, NotificationVerifier

orders = {"GOPAY-REFERENCE": {"amount": Money(10_000), "paid": False}}  # by the reference stored at creation


async def on_notification(notification: DebitNotification) -> None:
    order = orders[notification.original_reference_no]  # raises for an unknown one: the provider sends again
    if notification.status.is_paid and notification.amount == order["amount"]:
        order["paid"] = True


verifier = NotificationVerifier(os.environ["GOPAY_NOTIFICATION_KEY"], merchant_id=os.environ.get("GOPAY_MERCHANT_ID"))
receiver = NotificationApp(verifier, on_notification)


@asgi("/gopay", is_mount=True, copy_scope=True)
async def gopay(scope: Scope, receive: Receive, send: Send) -> None:
    await receiver(scope, receive, send)  # type: ignore[arg-type]  # Litestar types its messages one by one


app = Litestar([gopay])  # register https://your.host/gopay
