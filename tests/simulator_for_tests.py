"""A simulator that stands still in time, sessions over it, and requests to tamper with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from gopay_async import Customer, GoPaySession, Money, exchange, new_external_id, wire
from gopay_async.api import CreatePayment, TopUp
from gopay_async.exchange import Request, Response
from gopay_async.operation import Operation
from gopay_async.simulator import Simulator, VirtualClock
from gopay_async.transport import Departure

from .keys_for_tests import MERCHANT_KEY, PROVIDER_KEY

START = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
BASE = "http://127.0.0.1"


def simulator(**changes: Any) -> Simulator:
    """Return a simulator with shared keys, a fixed start and a fixed seed, with *changes*."""
    usual: dict[str, Any] = {
        "private_key": MERCHANT_KEY,
        "notification_key": PROVIDER_KEY,
        "clock": VirtualClock(START),
        "seed": 7,
    }
    return Simulator(**{**usual, **changes})


@asynccontextmanager
async def session(of: Simulator, url: str = "", **changes: Any) -> AsyncIterator[GoPaySession]:
    """Open a session in process, or over the socket at *url*."""
    transport = None if url else of
    environment = of.environment(url or BASE)
    async with GoPaySession(of.credentials, environment, transport=transport, clock=of.clock, **changes) as gopay:
        yield gopay


def top_up(reference: str = "payout-1", amount: int = 25_000, **changes: Any) -> TopUp:
    return TopUp(
        **{
            "partner_reference_no": reference,
            "customer_number": "6281773628883",
            "customer_name": "Siti Rahayu",
            "amount": Money(amount),
            "notes": "Cashback",
            **changes,
        }
    )


def payment(reference: str = "order-1", amount: int = 100_000, **changes: Any) -> CreatePayment:
    return CreatePayment(partner_reference_no=reference, amount=Money(amount), **changes)


def signed(
    of: Simulator,
    operation: Operation[Any],
    *,
    external_id: str = "",
    customer: Customer | None = None,
    token: str = "",
    body: bytes | None = None,
    at: datetime | None = None,
) -> Request:
    """Return the request that a correct client sends for *operation*."""
    token = token or of.books.issue_token(of.clock.now()).value
    made = exchange.serialise(operation, of.credentials, access_token=token, customer=customer)
    return exchange.build(
        operation,
        of.credentials,
        base=BASE,
        external_id=external_id or new_external_id(),
        at=at or of.clock.now(),
        body=made if body is None else body,
        access_token=token,
        customer=customer,
    )


def with_headers(request: Request, **changes: str | None) -> Request:
    """Return *request* with headers changed (underscores stand for dashes), None takes one away."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name: value for name, value in request.headers.items() if name not in named}
    return evolve(request, headers={**kept, **{name: value for name, value in named.items() if value is not None}})


async def send(of: Simulator, request: Request) -> Response:
    return await of.send(request, Departure())


async def told(of: Simulator, request: Request) -> tuple[int, dict[str, Any]]:
    """Return status and body of the answer to *request*."""
    response = await send(of, request)
    return response.status, wire.loads(response.body)


def findings(of: Simulator) -> tuple[str, ...]:
    """Return the names of what was found out about the last request."""
    report = of.requests[-1].report
    assert report is not None
    return report.names
