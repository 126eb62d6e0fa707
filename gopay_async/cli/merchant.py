"""A merchant's web backend, as small as it gets: a checkout, and the receiver mounted beside it.  For the demo."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from attrs import define, field

from ..api import DebitNotification, Notification
from ..models import Money
from ..webhooks import NotificationApp, NotificationVerifier


@define
class Order:
    """What the merchant stores before it sends, and learns afterwards."""

    number: str
    amount: Money
    external_id: str
    reference_no: str = ""
    is_paid: bool = False


@define
class Merchant:
    """Orders by the provider's reference, and the handler that moves them forward."""

    orders: dict[str, Order] = field(factory=dict)
    received: "asyncio.Queue[Notification]" = field(factory=asyncio.Queue)

    async def on_notification(self, notification: Notification) -> None:
        """Mark the order as paid when reference and amount are those that were stored."""
        if isinstance(notification, DebitNotification):
            order = self.orders[notification.original_reference_no]
            if notification.status.is_paid and notification.amount == order.amount:
                order.is_paid = True
        await self.received.put(notification)


@asynccontextmanager
async def backend(merchant: Merchant, verifier: NotificationVerifier) -> AsyncIterator[str]:
    """Serve the receiver under /gopay with uvicorn on a free port of loopback; yield the address to register."""
    receiver = NotificationApp(verifier, merchant.on_notification)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        # What a framework's mount does: the rest of the application would stand beside it.
        await receiver({**scope, "root_path": "/gopay"}, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/gopay"
        finally:
            server.should_exit = True
            await task
