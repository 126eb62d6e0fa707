"""Receive signed notifications beside a Django project: this is its asgi.py."""

import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

from gopay_async import Money
from gopay_async.api import DebitNotification
from gopay_async.webhooks import NotificationApp, NotificationVerifier

orders = {"GOPAY-REFERENCE": {"amount": Money(10_000), "paid": False}}  # by the reference stored at creation


async def on_notification(notification: DebitNotification) -> None:
    order = orders[notification.original_reference_no]  # raises for an unknown one: the provider sends again
    if notification.status.is_paid and notification.amount == order["amount"]:
        order["paid"] = True


verifier = NotificationVerifier(os.environ["GOPAY_NOTIFICATION_KEY"], merchant_id=os.environ.get("GOPAY_MERCHANT_ID"))
if not settings.configured:  # in a project: DJANGO_SETTINGS_MODULE
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
urlpatterns: list[Any] = []
receiver = NotificationApp(verifier, on_notification)
django = get_asgi_application()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Pass on what comes in below /gopay; register https://your.host/gopay."""
    mine = scope["type"] == "http" and "/gopay/" in scope["path"]
    await (receiver if mine else django)(scope, receive, send)
