"""A merchant's backend for the demo mini-app: it calls the simulator with this package, and verifies what it is told.

It is a customer of the library like any other; nothing in it knows that the provider is simulated, but its address.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from attrs import define, field

from ... import wire
from ...api import ApplyToken, CreatePayment, DebitNotification, GiveReward
from ...credentials import Customer, Environment
from ...errors import GoPayError, WebhookError
from ...models import Money, new_external_id
from ...session import GoPaySession
from ...webhooks.payout import PayoutVerifier
from ...webhooks.verifier import NotificationVerifier, Verifier
from ..console import SHOP, Console
from ..control import as_json, refuse_forms

#: Seconds for one call: whoever waits for a page does not wait longer.
PATIENCE: Final = 5.0


@define
class Order:
    """What the shop remembers of an order."""

    number: str
    amount: Money
    external_id: str
    reference_no: str = ""
    is_paid: bool = False


@define(eq=False)
class Shop:
    """Orders, customers, and the receiver of notifications."""

    console: Console
    orders: dict[str, Order] = field(factory=dict)
    #: gopay_account_id -> auth_token.
    customers: dict[str, str] = field(factory=dict, repr=False)

    def mount(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post(f"{SHOP}/login", self._answering(self._login))
        app.router.add_post(f"{SHOP}/orders", self._answering(self._order))
        app.router.add_post(f"{SHOP}/rewards", self._answering(self._reward))
        app.router.add_get(SHOP + "/orders/{number}", self._show)
        app.router.add_post(SHOP + "/{path:.+}", self._receive)

    def _answering(
        self, handle: Callable[[web.Request, dict[str, Any]], Awaitable[dict[str, Any]]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            refuse_forms(request)
            try:
                return as_json(await handle(request, wire.loads(await request.read())))
            except GoPayError as problem:
                return as_json({"error": str(problem), "kind": type(problem).__name__}, 502)

        return answer

    def _session(self, request: web.Request) -> GoPaySession:
        simulator = self.console.simulator
        environment = Environment.at(f"{request.scheme}://{request.host}")
        return GoPaySession(simulator.credentials, environment, clock=simulator.clock, timeout=PATIENCE)

    async def _login(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        async with self._session(request) as gopay:
            applied = await gopay.send(ApplyToken(auth_code=str(body.get("authCode", ""))))
        self.customers[applied.gopay_account_id or ""] = applied.auth_token
        return {"accountId": applied.gopay_account_id}

    async def _order(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        order = Order(f"order-{len(self.orders) + 1:04d}", Money(str(body.get("amount", "25000"))), new_external_id())
        self.orders[order.number] = order
        asked = CreatePayment(
            partner_reference_no=order.number, amount=order.amount, point_of_purchase_id="simulated-mini-app"
        )
        async with self._session(request) as gopay:
            created = await gopay.send(asked, external_id=order.external_id)
        order.reference_no = created.reference_no or ""
        return {"order": order.number, "webRedirectUrl": created.web_redirect_url}

    async def _reward(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        customer = Customer(self.customers.get(str(body.get("accountId")), "nobody"))
        reward = GiveReward(amount=Money(1_000), description="Thank you for your order")
        async with self._session(request) as gopay:
            given = await gopay.send(reward, customer=customer)
        return {"paymentId": given.payment_id}

    async def _show(self, request: web.Request) -> web.StreamResponse:
        order = self.orders.get(request.match_info["number"])
        if order is None:
            return as_json({"error": "there is no such order"}, 404)
        return as_json({"order": order.number, "amount": str(order.amount), "paid": order.is_paid})

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        verifier = self._verifier(f"/{request.match_info['path']}", is_payout="Iris-Signature" in request.headers)
        try:
            notification = verifier.verify(headers=request.headers, body=await request.read())
        except WebhookError as problem:
            return as_json({"responseCode": f"401{verifier.service}00", "responseMessage": str(problem)}, 401)
        if isinstance(notification, DebitNotification) and notification.status.is_paid:
            self._mark(notification)
        return as_json({"responseCode": f"200{verifier.service}00", "responseMessage": "Successful"})

    def _verifier(self, path: str, *, is_payout: bool) -> Verifier:
        simulator = self.console.simulator
        if is_payout:
            return PayoutVerifier(simulator.iris_key, path=path)
        key = simulator.notification_public_key
        return NotificationVerifier(key, path=path, clock=simulator.clock, max_age=timedelta(days=1))

    def _mark(self, paid: DebitNotification) -> None:
        for order in self.orders.values():
            if order.reference_no == paid.original_reference_no and order.amount == paid.amount:
                order.is_paid = True
