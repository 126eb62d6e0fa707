"""One sample call of each kind, its good answer, and a session that never waits for real.  Sends nothing by itself."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from attrs import define, field, frozen

from gopay_async import Customer, Environment, GoPaySession, Money
from gopay_async.api import CreatePayment, FetchPromotions, GiveReward, QueryPayment, TopUp
from gopay_async.models import WIB
from gopay_async.operation import Operation
from gopay_async.tokens import AccessToken

from .keys_for_tests import credentials
from .misbehaving import Misbehaving


@frozen
class Call:
    """An operation, for whom it is sent, and an answer that fits."""

    operation: Operation[Any]
    good: dict[str, Any]
    customer: Customer | None = None

    @property
    def name(self) -> str:
        return type(self.operation).__name__

    def code(self, status: int, case: str) -> str:
        return f"{status}{self.operation.endpoint.service}{case}"

    def says(self, status: int, case: str, message: str = "Said So") -> dict[str, Any]:
        """Return an answer with a response code and nothing else."""
        return {"responseCode": self.code(status, case), "responseMessage": message}


PAYMENT = Call(
    CreatePayment(partner_reference_no="order-1", amount=Money(10_000)),
    {
        "responseCode": "2005400",
        "responseMessage": "Successful",
        "referenceNo": "A1",
        "partnerReferenceNo": "order-1",
        "webRedirectUrl": "https://gopay.co.id/app/pay",
    },
)
TOP_UP = Call(
    TopUp(
        partner_reference_no="payout-1",
        customer_number="6281773628883",
        customer_name="Siti Rahayu",
        amount=Money(25_000),
        notes="Payout April",
    ),
    {"responseCode": "2023800", "responseMessage": "Request In Progress", "partnerReferenceNo": "payout-1"},
)
STATE = Call(
    QueryPayment(original_external_id="1" * 32),
    {"responseCode": "2005500", "responseMessage": "Successful", "latestTransactionStatus": "00"},
)
REWARD = Call(
    GiveReward(amount=Money(500), description="Cashback"),
    {"success": True, "data": {"payment_id": "0120250107121627"}},
    Customer("user-token"),
)
PROMOTIONS = Call(
    FetchPromotions(account_id="acc-1", gross_amount=Money(100)),
    {"status_code": "200", "account_id": "acc-1", "promotions": []},
)
SNAP_CALLS = (PAYMENT, TOP_UP, STATE)
CALLS = (*SNAP_CALLS, REWARD, PROMOTIONS)

NOON = datetime(2026, 1, 5, 12, 0, 0, 600_000, WIB)


@define
class TurnedClock:
    """A clock that stands still until someone sleeps by it: the sleep is over at once, and the time has passed."""

    at: datetime = NOON
    slept: list[float] = field(factory=list)

    def now(self) -> datetime:
        return self.at.astimezone(UTC)

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.turn(seconds)
        await asyncio.sleep(0)

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@define
class NightClock(TurnedClock):
    """A clock by which a sleep never ends; `asleep` tells that one has begun."""

    asleep: asyncio.Event = field(factory=asyncio.Event)

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await asyncio.Event().wait()


@define
class GivenToken:
    """A token store that always has the same token, so that no token call is made."""

    token: str = "token-0"
    _lock: anyio.Lock = field(factory=anyio.Lock)

    async def load(self, key: str) -> AccessToken | None:
        return AccessToken(self.token, NOON + timedelta(days=1000))

    async def save(self, key: str, token: AccessToken) -> None:
        raise AssertionError("nothing is fetched, so nothing is saved")

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        return self._lock


def gopay(server: Misbehaving, **changes: Any) -> GoPaySession:
    """Return a session with *server* that waits by a turned clock, not for real."""
    kept = {"clock": TurnedClock(), "jitter": lambda: 0.0, **changes}
    given = kept.pop("credentials", None) or credentials()
    return GoPaySession(given, Environment.at(server.url), **kept)
