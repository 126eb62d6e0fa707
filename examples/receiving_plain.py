"""Receive signed notifications with any ASGI server, without a framework."""

import os

from gopay_async import Money
from gopay_async.api import DebitNotification
from gopay_async.webhooks import NotificationApp, NotificationVerifier

orders = {"GOPAY-REFERENCE": {"amount": Money(10_000), "paid": False}}  # by the reference stored at creation


async def on_notification(notification: DebitNotification) -> None:
    order = orders[notification.original_reference_no]  # raises for an unknown one: the provider sends again
    if notification.status.is_paid and notification.amount == order["amount"]:
        order["paid"] = True


verifier = NotificationVerifier(os.environ["GOPAY_NOTIFICATION_KEY"], merchant_id=os.environ.get("GOPAY_MERCHANT_ID"))
app = NotificationApp(verifier, on_notification)  # register https://your.host/gopay, or any other prefix
