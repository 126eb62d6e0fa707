"""Receive signed notifications in Starlette."""

import os

from starlette.applications import Starlette
from starlette.routing import Mount

from gopay_async import Money
from gopay_async.api import DebitNotification
from gopay_async.webhooks import NotificationApp, NotificationVerifier

orders = {"GOPAY-REFERENCE": {"amount": Money(10_000), "paid": False}}  # by the reference stored at creation


async def on_notification(notification: DebitNotification) -> None:
    order = orders[notification.original_reference_no]  # raises for an unknown one: the provider sends again
    if notification.status.is_paid and notification.amount == order["amount"]:
        order["paid"] = True


verifier = NotificationVerifier(os.environ["GOPAY_NOTIFICATION_KEY"], merchant_id=os.environ.get("GOPAY_MERCHANT_ID"))
app = Starlette(routes=[Mount("/gopay", NotificationApp(verifier, on_notification))])  # register .../gopay
