"""The simulator as a whole: a transport, a server, and the hands that turn its clock and press its buttons."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from multidict import CIMultiDict

from ..credentials import Credentials, Environment
from ..errors import InvalidInput
from ..exchange import Request, Response
from ..models import Money
from ..transport import Departure
from .app import serving
from .books import Books
from .clock import VirtualClock
from .faults import Fault, FaultPlan
from .gate import Gate
from .identity import complete, new_key
from .ids import Ids
from .mishaps import Ending, Outcome, strike
from .notices import Herald, Notice
from .policy import Policy
from .postman import TIMEOUT, Delivery, Postman, prefix_of
from .provider import MISPRINTS, ROUTES, Provider, Seen, not_served
from .records import Link, MadeRefund, Payment, Payout, User
from .refusal import Refusal
from .routes import NoRoute, Route
from .trouble import Trouble

Record = TypeVar("Record", Payment, Payout)


class Simulator:
    """A simulated provider: it checks every signature for real, keeps state and sends signed notifications.

    In process it is a transport; over sockets, `serve` it:

        async with GoPaySession(simulator.credentials, simulator.environment(), transport=simulator,
                                clock=simulator.clock) as gopay: ...
        async with simulator.serve() as url: ...

    *private_key* is the merchant's and *notification_key* the provider's; both are made when they are not given.
    *seed* makes runs repeat.  *strict* refuses signed bodies with spaces, *tolerance* is the window of X-TIMESTAMP,
    *keep* the number of requests that `requests` remembers.  Raises ConfigurationError for credentials that look like
    those of production.
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        private_key: RSAPrivateKey | None = None,
        notification_key: RSAPrivateKey | None = None,
        iris_key: str | None = None,
        clock: VirtualClock | None = None,
        policy: Policy | None = None,
        faults: FaultPlan | None = None,
        seed: int | None = None,
        strict: bool = False,
        tolerance: timedelta = timedelta(minutes=5),
        keep: int = 1_000,
    ) -> None:
        self._seed = seed
        self._ids = Ids(Random(seed))  # noqa: S311  # simulated tokens guard nothing, and runs must repeat
        #: What the merchant needs; complete, and good for nothing else.
        self.credentials = complete(credentials, private_key, self._ids)
        #: Shared secret of payout notifications (Iris-Signature).
        self.iris_key = iris_key or f"sim-iris-{self._ids.text(24)}"
        self.clock = clock or VirtualClock()
        self.policy = policy or Policy()
        self.strict = strict
        self._tolerance = tolerance
        self._notification_key = notification_key
        #: What goes wrong, and when.
        self.faults = faults or FaultPlan()
        #: What goes wrong with notifications.
        self.trouble = Trouble()
        #: The last requests, oldest first.
        self.requests: deque[Seen] = deque(maxlen=keep)
        self._open()

    def __repr__(self) -> str:
        return f"<Simulator {self.credentials.client_id} {self.clock.now().isoformat(timespec='seconds')}>"

    def _open(self) -> None:
        self._number = 0
        self.books = Books(self.policy, self._ids)
        gate = Gate(self.credentials, self.books, self.clock, self.strict, self._tolerance, (*ROUTES.paths, *MISPRINTS))
        self._provider = Provider(self.books, gate)
        self._herald = Herald(self.credentials, self._ids, lambda: self.notification_key, self.iris_key)
        self._postman = Postman(self.clock, lambda: self.trouble)
        #: A mini-app user to try things with.
        self.user = self.books.people.add_user()
        self.requests.clear()

    def reset(self) -> None:
        """Forget everything that happened; credentials, policy, faults and the time stay."""
        if self._seed is not None:
            self._ids.random.seed(self._seed)
        self._open()

    # --- as a transport ---

    async def send(self, request: Request, departure: Departure) -> Response:
        """Return the response to *request*; *departure* says truthfully whether it was taken."""
        departure.unsent = True
        # Once through the loop, as with any connection: others get their turn.
        await asyncio.sleep(0)
        departure.unsent = False
        outcome = await self.respond(request)
        departure.unsent = outcome.unsent
        if outcome.ending is Ending.HUNG:
            await asyncio.get_running_loop().create_future()
        if outcome.response is None:
            raise ConnectionResetError(f"simulated: the connection was {outcome.ending.value}")
        if outcome.ending is Ending.TRUNCATED:
            raise ConnectionResetError("simulated: the answer ended in the middle")
        return outcome.response

    async def aclose(self) -> None:
        """Do nothing: what one session closes, others may still use."""

    # --- as a server ---

    def serve(
        self, *, host: str = "127.0.0.1", port: int = 0, force: bool = False, allow_hosts: Iterable[str] = ()
    ) -> AbstractAsyncContextManager[str]:
        """Serve over HTTP while the context lasts and give its base URL; port 0 is any that is free.

        Raises ConfigurationError for a host that is not loopback unless *force* is given: it hands out money.
        *allow_hosts* are names by which it may be asked: other names than localhost are refused, for a page of the
        internet could let its own lead here.
        """
        return serving(self, host=host, port=port, force=force, allow_hosts=allow_hosts)

    def environment(self, base_url: str = "http://127.0.0.1") -> Environment:
        """Return an environment with every host at *base_url*; in process any will do."""
        return Environment.at(base_url)

    # --- requests ---

    async def respond(self, request: Request) -> Outcome:
        """Return what *request* comes to, faults included."""
        headers = CIMultiDict(request.headers)
        self._number += 1
        seen = Seen(self._number, self.clock.now(), request)
        self.requests.append(seen)
        try:
            route = self._provider.find(request, headers)
        except NoRoute as problem:
            seen.response = not_served(problem, seen.at)
            return Outcome(Ending.ANSWERED, seen.response)
        seen.operation = route.operation
        fault = self.faults.choose(route.operation, route.path)
        if fault is not None:
            return await self._go_wrong(fault, route, seen, headers)
        seen.response = self._process(route, seen, headers)
        return Outcome(Ending.ANSWERED, seen.response)

    def _process(self, route: Route, seen: Seen, headers: "CIMultiDict[str]") -> Response:
        self.books.timeline.run(seen.at)
        response = self._provider.answer(seen.request, headers, route, seen)
        if self.books.changes:
            self._announce()
        return response

    async def _go_wrong(self, fault: Fault, route: Route, seen: Seen, headers: "CIMultiDict[str]") -> Outcome:
        seen.fault = fault.name
        if fault.name == "token-revoked":
            self.books.revoke(headers.get("Authorization", "").partition(" ")[2])
        elif fault.name == "clock-skew":
            seen.at += timedelta(seconds=fault.seconds)
        response = self._process(route, seen, headers) if fault.processed else None
        if fault.name == "delay":
            await self.clock.sleep(fault.seconds)
        outcome = strike(fault, response, seen)
        seen.response = outcome.response
        return outcome

    # --- notifications ---

    @property
    def notification_key(self) -> RSAPrivateKey:
        """The provider's key, which signs notifications."""
        if self._notification_key is None:
            self._notification_key = new_key()
        return self._notification_key

    @property
    def notification_public_key(self) -> RSAPublicKey:
        """What `NotificationVerifier` needs."""
        return self.notification_key.public_key()

    @property
    def outbox(self) -> "deque[Notice]":
        """Notifications that wait for their delivery: kind, path, headers and body of each."""
        self.run()
        return self._postman.outbox

    @property
    def deliveries(self) -> "deque[Delivery]":
        """What was delivered, or tried to be, oldest first."""
        return self._postman.log

    async def deliver(
        self, to: str, *, timeout: float = TIMEOUT, outside: bool = False, own: bool = False
    ) -> list[Delivery]:
        """Post the notifications that are due to the prefix *to*, and return what came of it.

        What is not answered with 200 is repeated after 2, 10, 30, 90 and 210 minutes of the virtual clock: advance it
        and call again.  X-TIMESTAMP is the time of the first attempt by that clock; by the machine's for a receiver
        *outside*, which does not share it.  *timeout* is in real seconds.  Raises InvalidInput unless *to* is on
        loopback, or the simulator's *own* address, wherever it is served.
        """
        prefix = to if own else prefix_of(to)
        self.run()
        return await self._postman.deliver(prefix, timeout=timeout, outside=outside)

    async def resend(self, delivery: Delivery, *, timeout: float = TIMEOUT) -> Delivery:
        """Post a notification that was delivered, or not, again: the same bytes to the same address."""
        return await self._postman.resend(delivery, timeout=timeout)

    def rotate_notification_key(self) -> None:
        """Let the provider sign with a new key from now on, which the merchant does not have yet."""
        self._notification_key = new_key()

    def run(self) -> None:
        """Let everything happen that is due by now: payments expire, top-ups end."""
        self.books.timeline.run(self.clock.now())
        self._announce()

    def _announce(self) -> None:
        while self.books.changes:
            notice = self._herald.announce(self.books.changes.popleft())
            if notice is not None:
                self._postman.outbox.append(notice)

    # --- the customer, and the provider's back office ---

    def auth_code(self, user: User | None = None) -> str:
        """Return an auth code, for *user* or the first one, good for six minutes and one use.

        It is what the mini-app's bridge hands out (`ApplyToken`), and what a customer comes back with from linking
        (`BindAccount`).
        """
        return self.books.people.issue_code(user or self.user, self.clock.now())

    def link(self, user: User | None = None) -> Link:
        """Link *user*, or the first one, as if the customer had gone through it; a notification is queued."""
        link = self.books.people.link(user or self.user, self.clock.now())
        self._announce()
        return link

    def unlink(self, link: Link) -> None:
        """Let the customer take the permission back in the app."""
        self.books.people.unlink(link, self.clock.now())
        self._announce()

    def rotate(self, link: Link) -> Link:
        """Give a linked customer a new token, which the next inquiry tells, and new tokens for the ways to pay."""
        return self.books.people.rotate(link)

    def find_payment(self, reference_no: str) -> Payment | None:
        """Return the payment with the provider's *reference_no*."""
        self.run()
        return self.books.payments.by_reference.get(reference_no)

    def pay(self, reference_no: str) -> None:
        """Let the customer pay; a notification is queued, as by everything below."""
        self._apply(self.books.payments.pay, self._payment(reference_no))

    def cancel(self, reference_no: str) -> None:
        """Let the customer cancel."""
        self._apply(self.books.payments.cancel, self._payment(reference_no))

    def expire(self, reference_no: str) -> None:
        """Let the payment expire now."""
        self._apply(self.books.payments.expire, self._payment(reference_no))

    def fail(self, reference_no: str) -> None:
        """Let paying fail."""
        self._apply(self.books.payments.fail, self._payment(reference_no))

    def deny(self, reference_no: str) -> None:
        """Let the payment be rejected as fraud."""
        self._apply(self.books.payments.deny, self._payment(reference_no))

    def refund(self, reference_no: str, *, amount: Money | None = None, reason: str = "") -> MadeRefund:
        """Give *amount*, or all that is left, back to the customer."""
        payment = self._payment(reference_no)
        try:
            number = self._ids.digits(20)
            return self.books.payments.refund(
                payment, self.clock.now(), amount=amount, partner_refund_no=number, reason=reason
            )
        except Refusal as refusal:
            raise InvalidInput("amount", refusal.message or "exceeds what is left of the payment") from None
        finally:
            self._announce()

    def complete_top_up(self, partner_reference_no: str) -> None:
        """Let the money of an accepted top-up arrive."""
        self._apply(self.books.payouts.complete, self._payout(partner_reference_no))

    def fail_top_up(self, partner_reference_no: str) -> None:
        """Let an accepted, or even completed, top-up fail: its money comes back."""
        self._apply(self.books.payouts.fail, self._payout(partner_reference_no))

    def fund(self, amount: Money) -> None:
        """Put *amount* into the account that top-ups are paid from."""
        if amount.value <= 0:
            raise InvalidInput("amount", "must be positive")
        self.books.payouts.deposit(amount, self.clock.now())

    def _apply(self, change: Callable[[Record, datetime], None], record: Record) -> None:
        try:
            change(record, self.clock.now())
        except Refusal as refusal:
            raise InvalidInput("reference_no", refusal.message) from None
        self._announce()

    def _payment(self, reference_no: str) -> Payment:
        payment = self.find_payment(reference_no)
        if payment is None:
            raise InvalidInput("reference_no", "there is no such payment: it is the reference_no of PaymentCreated")
        return payment

    def _payout(self, partner_reference_no: str) -> Payout:
        self.run()
        payout = self.books.payouts.latest(partner_reference_no)
        if payout is None:
            raise InvalidInput("partner_reference_no", "there is no such top-up")
        return payout

    # --- assertions ---

    def check(self) -> None:
        """Raise `Imbalance` unless every rupiah is accounted for."""
        self.books.check()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        self.run()
        return self.books.snapshot()
