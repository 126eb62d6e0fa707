"""Receive signed notifications beside a Quart application."""

import os
from typing import Any

from quart import Quart

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
shop = Quart(__name__)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Pass on what comes in below /gopay; register https://your.host/gopay."""
    mine = scope["type"] == "http" and "/gopay/" in scope["path"]
    await (receiver if mine else shop)(scope, receive, send)
