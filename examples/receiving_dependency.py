"""Receive signed notifications in a FastAPI route of your own, through a dependency."""

import os
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response

from gopay_async import Money
from gopay_async.api import DebitNotification, Notification
from gopay_async.webhooks import NotificationVerifier, Reply, WebhookError

orders = {"GOPAY-REFERENCE": {"amount": Money(10_000), "paid": False}}  # by the reference stored at creation
verifier = NotificationVerifier(os.environ["GOPAY_NOTIFICATION_KEY"], merchant_id=os.environ.get("GOPAY_MERCHANT_ID"))
app = FastAPI()


async def verified(request: Request) -> Notification:
    """Depend on this: what arrives in the route was signed by the provider."""
    return verifier.verify(headers=request.headers.raw, body=await request.body(), method=request.method)


def answer(reply: Reply) -> Response:
    return Response(reply.body, reply.status, reply.headers(datetime.now(UTC)))


@app.exception_handler(WebhookError)
async def refuse(request: Request, error: WebhookError) -> Response:
    return answer(Reply.refused(error, verifier.service))


@app.post("/gopay/v1.0/debit/notify")  # nothing remembers duplicates here: this handler may see an event twice
async def notify(notification: Annotated[Notification, Depends(verified)]) -> Response:
    if isinstance(notification, DebitNotification):
        order = orders[notification.original_reference_no]  # an unknown one is answered with 500, and sent again
        if notification.status.is_paid and notification.amount == order["amount"]:
            order["paid"] = True
    return answer(Reply.accepted(verifier.service))
