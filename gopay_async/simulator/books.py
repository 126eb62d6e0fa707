"""What the simulated provider holds, to the rupiah.  Pure: knows no request, no signature and no notification."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from attrs import define, field

from ..api import Promotion
from ..errors import GoPayError
from ..models import WIB, Money, format_time
from ..operation import Operation
from .ids import Ids
from .records import (
    CANCELED,
    DENIED,
    EXPIRED,
    FAILED,
    PENDING,
    REFUNDED,
    SUCCESS,
    AuthCode,
    MadeRefund,
    Payment,
    Payout,
    Reward,
    Token,
    User,
)
from .refusal import Refusal

TOKEN_LIFE: Final = timedelta(seconds=900)
AUTH_CODE_LIFE: Final = timedelta(minutes=6)
PAYMENT_LIFE: Final = timedelta(minutes=15)


class Imbalance(GoPayError):
    """The books do not balance: a defect of the simulator."""


@define
class Policy:
    """How the simulated provider behaves where the merchant cannot choose; may be changed while it runs."""

    #: Opening balance of the payout account, and of the wallet that rewards are paid from.
    balance: Money = Money(1_000_000_000)
    wallet: Money = Money(1_000_000_000)
    #: Virtual seconds from acceptance of a top-up to its end; None: when it is first asked about.
    settle_after: float | None = None
    #: Virtual seconds during which an inquiry does not find a top-up yet (quirk Q-STA-3).
    found_after: float = 0.0
    #: Customer numbers whose top-ups are refused -> (HTTP status, case).
    refused_numbers: dict[str, tuple[int, str]] = field(factory=dict)
    #: Customer numbers and partner reference numbers whose top-ups are accepted, and fail later.
    failing: set[str] = field(factory=set)
    #: The largest top-up; more is refused with 403xx02.
    top_up_limit: Money | None = None
    #: Account id -> promotions; who is not in it is not known.
    promotions: dict[str, list[Promotion]] = field(factory=dict)


@define(eq=False)
class Books:
    """State of one simulated provider; every method takes the time as *at*."""

    policy: Policy = field(factory=Policy)
    ids: Ids = field(factory=Ids)
    payments: dict[str, Payment] = field(factory=dict, init=False)
    payouts: dict[str, Payout] = field(factory=dict, init=False)
    rewards: dict[str, Reward] = field(factory=dict, init=False)
    tokens: dict[str, Token] = field(factory=dict, init=False)
    users: dict[str, User] = field(factory=dict, init=False)
    auth_codes: dict[str, AuthCode] = field(factory=dict, init=False)
    #: Payments and payouts whose state has changed since they were last taken from here, oldest first.
    changes: deque[Payment | Payout] = field(factory=deque, init=False)
    balance: Decimal = field(init=False)
    wallet: Decimal = field(init=False)
    #: What customers paid, less what went back.
    takings: Decimal = field(default=Decimal(0), init=False)
    deposited: Decimal = field(init=False)
    funded: Decimal = field(init=False)
    _by_external_id: dict[str, Payment] = field(factory=dict, init=False, repr=False)
    _by_partner_reference: dict[str, Payout] = field(factory=dict, init=False, repr=False)
    _due: "list[tuple[datetime, int, Callable[[datetime], None]]]" = field(factory=list, init=False, repr=False)
    _turns: "count[int]" = field(factory=count, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.balance = self.deposited = self.policy.balance.value
        self.wallet = self.funded = self.policy.wallet.value

    # --- time ---

    def run(self, at: datetime) -> None:
        """Let everything happen that is due, in its order."""
        while self._due and self._due[0][0] <= at:
            moment, _, happen = heappop(self._due)
            happen(moment)

    def schedule(self, moment: datetime, happen: Callable[[datetime], None]) -> None:
        """Let `run` call *happen* with *moment* once that has come."""
        heappush(self._due, (moment, next(self._turns), happen))

    # --- tokens ---

    def issue_token(self, at: datetime) -> Token:
        """Return a new access token, good for 900 seconds; earlier ones stay good."""
        token = Token(value=f"SIM{self.ids.text(51)}", expires_at=at + TOKEN_LIFE)
        self.tokens[token.value] = token
        return token

    def revoke(self, value: str) -> None:
        """Let an access token be rejected from now on, if there is one."""
        if value in self.tokens:
            self.tokens[value].revoked = True

    # --- payments ---

    def create_payment(
        self, order: Operation[Any], *, at: datetime, external_id: str, amount: Money, reference: str, until: datetime
    ) -> Payment:
        """Return a new payment that waits for its customer *until* it expires."""
        payment = Payment(
            reference_no=f"A1{at.astimezone(WIB):%Y%m%d%H%M%S}{self.ids.text(10)}ID",
            partner_reference_no=reference,
            external_id=external_id,
            amount=amount,
            created_at=at,
            changed_at=at,
            valid_up_to=until,
            order=order,
        )
        self.payments[payment.reference_no] = payment
        # The same id again within a day is replayed, not processed: the last one is the one that counts.
        self._by_external_id[external_id] = payment
        self.schedule(until, lambda moment: self._expire_if_pending(payment, moment))
        return payment

    def find_payment(self, *, reference_no: str | None, external_id: str | None) -> Payment | None:
        """Return the payment; *reference_no* wins when both are given."""
        if reference_no:
            return self.payments.get(reference_no)
        return self._by_external_id.get(external_id or "")

    def pay(self, payment: Payment, at: datetime) -> None:
        """The customer pays."""
        self._move(payment, SUCCESS, at)
        payment.paid_at = at
        self.takings += payment.amount.value

    def cancel(self, payment: Payment, at: datetime) -> None:
        """The customer, or the merchant, cancels before it is paid."""
        self._move(payment, CANCELED, at)

    def expire(self, payment: Payment, at: datetime) -> None:
        """Its time is over."""
        self._move(payment, EXPIRED, at)

    def fail(self, payment: Payment, at: datetime) -> None:
        """Paying does not work."""
        self._move(payment, FAILED, at)

    def deny(self, payment: Payment, at: datetime) -> None:
        """It is rejected as fraud."""
        self._move(payment, DENIED, at)

    def refund(
        self, payment: Payment, at: datetime, *, amount: Money | None = None, partner_refund_no: str = "", reason: str = ""
    ) -> MadeRefund:
        """Give *amount*, or all that is left, back; more than was paid is refused (refund-api page)."""
        left = payment.amount - payment.refunded
        amount = left if amount is None else amount
        if not payment.is_paid or left <= Money(0):
            raise Refusal(403, "15", "Transaction Not Permitted. There is nothing to refund")
        if not Money(0) < amount <= left:
            raise Refusal(403, "02")
        made = MadeRefund(
            refund_no=self.ids.digits(20),
            partner_refund_no=partner_refund_no or self.ids.digits(20),
            amount=amount,
            made_at=at,
            reason=reason,
        )
        payment.refunds.append(made)
        self.takings -= amount.value
        self._change(payment, REFUNDED, at)
        return made

    def _expire_if_pending(self, payment: Payment, at: datetime) -> None:
        if payment.status == PENDING:
            self.expire(payment, at)

    def _move(self, payment: Payment, status: str, at: datetime) -> None:
        if payment.status != PENDING:
            raise Refusal(403, "15", f"Transaction Not Permitted. Status is {payment.status}")
        self._change(payment, status, at)

    def _change(self, record: Payment | Payout, status: str, at: datetime) -> None:
        record.status, record.changed_at = status, at
        self.changes.append(record)

    # --- payouts ---

    def accept_payout(
        self, *, at: datetime, external_id: str, partner_reference_no: str, customer_number: str, amount: Money
    ) -> Payout:
        """Debit *amount* and return the payout, accepted and not completed; raise Refusal."""
        self._check_payout(partner_reference_no, customer_number, amount, at)
        payout = Payout(
            reference_no=self.ids.text(18),
            partner_reference_no=partner_reference_no,
            external_id=external_id,
            customer_number=customer_number,
            amount=amount,
            accepted_at=at,
            changed_at=at,
        )
        self.balance -= amount.value
        self.payouts[payout.reference_no] = payout
        self._by_partner_reference[partner_reference_no] = payout
        if self.policy.settle_after is not None:
            self.schedule(_after(at, self.policy.settle_after), lambda moment: self.settle(payout, moment))
        return payout

    def _check_payout(self, reference: str, customer_number: str, amount: Money, at: datetime) -> None:
        if self._known_payout(reference, at):
            raise Refusal(409, "01")
        if customer_number in self.policy.refused_numbers:
            raise Refusal(*self.policy.refused_numbers[customer_number])
        if self.policy.top_up_limit is not None and amount > self.policy.top_up_limit:
            raise Refusal(403, "02")
        if amount.value > self.balance:
            raise Refusal(403, "14")

    def _known_payout(self, reference: str, at: datetime) -> Payout | None:
        payout = self._by_partner_reference.get(reference)
        return payout if payout is not None and at < two_months_after(payout.accepted_at) else None

    def find_payout(self, reference: str, at: datetime) -> Payout | None:
        """Return the payout with the partner's *reference* as an inquiry sees it: for two months, and settled."""
        payout = self._known_payout(reference, at)
        if payout is None or at < _after(payout.accepted_at, self.policy.found_after):
            return None
        if self.policy.settle_after is None:
            self.settle(payout, at)
        return payout

    def settle(self, payout: Payout, at: datetime) -> None:
        """End *payout* as the policy says, if it has not ended yet."""
        if payout.status != PENDING:
            return
        if self.policy.failing & {payout.customer_number, payout.partner_reference_no}:
            self.fail_payout(payout, at)
        else:
            self.complete_payout(payout, at)

    def complete_payout(self, payout: Payout, at: datetime) -> None:
        """The money has arrived."""
        self._end(payout, SUCCESS, at)

    def fail_payout(self, payout: Payout, at: datetime, *, error: str = "Destination account is inactive") -> None:
        """The money comes back.  A completed one may still fail (notification page, section 6)."""
        if payout.status == SUCCESS:
            payout.status = PENDING
        self._end(payout, FAILED, at)
        payout.error = error
        self.balance += payout.amount.value

    def _end(self, payout: Payout, status: str, at: datetime) -> None:
        if payout.status != PENDING:
            raise Refusal(403, "15", f"Transaction Not Permitted. Status is {payout.status}")
        self._change(payout, status, at)

    def deposit(self, amount: Money) -> None:
        """Fund the payout account."""
        self.balance += amount.value
        self.deposited += amount.value

    # --- mini-app ---

    def add_user(self, *, is_fraud: bool = False, is_gone: bool = False) -> User:
        """Return a new customer."""
        user = User(
            account_id=f"01-{self.ids.text(32).lower()}-26",
            phone_number=f"+62821{self.ids.digits(8)}",
            auth_token=f"SIM{self.ids.text(97)}",
            email=f"user{len(self.users) + 1}@example.com",
            is_fraud=is_fraud,
            is_gone=is_gone,
        )
        self.users[user.auth_token] = user
        return user

    def issue_auth_code(self, user: User, at: datetime) -> AuthCode:
        """Return a code that the mini-app's backend may exchange once, within six minutes."""
        code = AuthCode(value=self.ids.text(64), user=user, expires_at=at + AUTH_CODE_LIFE)
        self.auth_codes[code.value] = code
        return code

    def redeem(self, value: str, at: datetime) -> User:
        """Return the user of an auth code and use it up; raise Refusal."""
        code = self.auth_codes.get(value)
        if code is None or code.is_used or at >= code.expires_at:
            raise Refusal(404, "", "AuthCode Not Found")
        code.is_used = True
        return code.user

    def give_reward(self, user: User, *, amount: Money, reward_type: str, at: datetime) -> Reward:
        """Give *amount* from the merchant's wallet; raise Refusal (reward-coins-emoney page)."""
        if user.is_gone:
            raise Refusal(404, "105", "User not found")
        if user.is_fraud:
            raise Refusal(403, "4060", "Fraud validation error")
        if amount.value > self.wallet:
            # Not documented: the page only demands a funded wallet.
            raise Refusal(400, "900", "Unable to process")
        payment_id = f"01{at.astimezone(WIB):%Y%m%d%H%M%S}{self.ids.text(12)}"
        reward = Reward(
            payment_id=payment_id, account_id=user.account_id, amount=amount, reward_type=reward_type, given_at=at
        )
        self.rewards[payment_id] = reward
        self.wallet -= amount.value
        user.coins += amount
        return reward

    # --- assertions ---

    def check(self) -> None:
        """Raise Imbalance unless every rupiah is accounted for.

        What was debited for payouts is what is completed or pending; takings are payments less refunds, and no payment
        is refunded beyond its amount; what left the wallet was given as rewards.
        """
        totals = self.totals()
        for name, (counted, booked) in totals.items():
            if counted != booked:
                raise Imbalance(f"{name}: the records add up to {counted}, the books say {booked}")
        if self.balance < 0 or self.wallet < 0:
            raise Imbalance(f"overdrawn: balance {self.balance}, wallet {self.wallet}")
        for payment in self.payments.values():
            if payment.refunded > payment.amount:
                raise Imbalance(f"{payment.reference_no} is refunded beyond its amount")

    def totals(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return name -> (sum over the records, what the books say)."""
        open_or_done = _sum(one.amount for one in self.payouts.values() if one.status in (SUCCESS, PENDING))
        paid = _sum(one.amount - one.refunded for one in self.payments.values() if one.is_paid)
        return {
            "payouts": (open_or_done, self.deposited - self.balance),
            "payments": (paid, self.takings),
            "rewards": (_sum(one.amount for one in self.rewards.values()), self.funded - self.wallet),
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON can hold it, amounts as text, without names and numbers of customers."""
        payouts = self.payouts.values()
        return {
            "balance": f"{self.balance:.2f}",
            "wallet": f"{self.wallet:.2f}",
            "takings": f"{self.takings:.2f}",
            "debits": f"{self.deposited - self.balance:.2f}",
            "completed": f"{_sum(one.amount for one in payouts if one.status == SUCCESS):.2f}",
            "pending": f"{_sum(one.amount for one in payouts if one.status == PENDING):.2f}",
            "payments": [_payment_as_json(one) for one in self.payments.values()],
            "payouts": [_payout_as_json(one) for one in payouts],
            "rewards": [_reward_as_json(one) for one in self.rewards.values()],
        }


def two_months_after(moment: datetime) -> datetime:
    """Return the same day two months on, or the last day of that month (`partnerReferenceNo` is unique so long)."""
    local = moment.astimezone(WIB)
    years, month = divmod(local.month + 1, 12)
    first = local.replace(day=1, year=local.year + years, month=month + 1)
    following = (first + timedelta(days=31)).replace(day=1)
    return min(first + timedelta(days=local.day - 1), following - timedelta(days=1))


def _after(moment: datetime, seconds: float) -> datetime:
    # Beyond a century is never: infinity is allowed, and timedelta would not take it.
    return moment + timedelta(seconds=min(seconds, 3_000_000_000))


def _sum(amounts: Iterable[Money]) -> Decimal:
    return sum((one.value for one in amounts), Decimal(0))


def _payment_as_json(one: Payment) -> dict[str, Any]:
    return {
        "reference_no": one.reference_no,
        "partner_reference_no": one.partner_reference_no,
        "external_id": one.external_id,
        "amount": str(one.amount),
        "status": one.status,
        "refunded": str(one.refunded),
        "created_at": format_time(one.created_at),
    }


def _payout_as_json(one: Payout) -> dict[str, Any]:
    return {
        "reference_no": one.reference_no,
        "partner_reference_no": one.partner_reference_no,
        "external_id": one.external_id,
        "amount": str(one.amount),
        "status": one.status,
        "accepted_at": format_time(one.accepted_at),
    }


def _reward_as_json(one: Reward) -> dict[str, Any]:
    return {
        "payment_id": one.payment_id,
        "account_id": one.account_id,
        "amount": str(one.amount),
        "reward_type": one.reward_type,
        "given_at": format_time(one.given_at),
    }
