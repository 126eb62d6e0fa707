"""Receive signed notifications in aiohttp.web, which is no ASGI server, through the verifier alone."""

import os
from datetime import UTC, datetime

from aiohttp import web

from gopay_async import Money
from gopay_async.api import DebitNotification
from gopay_async.webhooks import NotificationVerifier, Reply, WebhookError

orders = {"GOPAY-REFERENCE": {"amount": Money(10_000), "paid": False}}  # by the reference stored at creation
verifier = NotificationVerifier(os.environ["GOPAY_NOTIFICATION_KEY"], merchant_id=os.environ.get("GOPAY_MERCHANT_ID"))


async def notify(request: web.Request) -> web.Response:  # nothing remembers duplicates here: it may see an event twice
    try:
        notification = verifier.verify(headers=request.headers, body=await request.read(), method=request.method)
    except WebhookError as error:
        return answer(Reply.refused(error, verifier.service))
    if isinstance(notification, DebitNotification):
        order = orders[notification.original_reference_no]  # an unknown one is answered with 500, and sent again
        if notification.status.is_paid and notification.amount == order["amount"]:
            order["paid"] = True
    return answer(Reply.accepted(verifier.service))


def answer(reply: Reply) -> web.Response:
    return web.Response(body=reply.body, status=reply.status, headers=reply.headers(datetime.now(UTC)))


app = web.Application(client_max_size=65_536)
app.router.add_post("/gopay/v1.0/debit/notify", notify)
