"""What the simulated provider holds, to the rupiah.  Pure: knows no request, no signature and no notification."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from ..errors import Imbalance
from ..models import Money, format_time
from .ids import Ids
from .payments import Payments
from .payouts import Payouts
from .people import People
from .policy import Policy
from .records import PAYIN, PAYOUT, PENDING, SUCCESS, Movement, Payment, Payout, Record, Reward, Token
from .timeline import Timeline

TOKEN_LIFE: Final = timedelta(seconds=900)


@define(eq=False)
class Books:
    """State of one simulated provider."""

    policy: Policy = field(factory=Policy)
    ids: Ids = field(factory=Ids)
    timeline: Timeline = field(factory=Timeline, init=False)
    #: What has changed since it was last taken from here, oldest first.
    changes: "deque[Record]" = field(factory=deque, init=False, repr=False)
    #: Every movement of money, oldest first.
    journal: list[Movement] = field(factory=list, init=False, repr=False)
    tokens: dict[str, Token] = field(factory=dict, init=False, repr=False)
    payments: Payments = field(init=False)
    payouts: Payouts = field(init=False)
    people: People = field(init=False)

    def __attrs_post_init__(self) -> None:
        shared = (self.policy, self.ids, self.timeline, self.changes, self.journal)
        self.payments, self.payouts = Payments(*shared), Payouts(*shared)
        self.people = People(self.policy, self.ids, self.changes)

    def issue_token(self, at: datetime) -> Token:
        """Return a new access token, good for 900 seconds; earlier ones stay good."""
        token = Token(value=f"SIM{self.ids.text(51)}", expires_at=at + TOKEN_LIFE)
        self.tokens[token.value] = token
        return token

    def revoke(self, value: str) -> None:
        """Let an access token be rejected from now on, if there is one."""
        if value in self.tokens:
            self.tokens[value].revoked = True

    # --- assertions ---

    def check(self) -> None:
        """Raise Imbalance unless every rupiah is accounted for.

        What was debited for payouts is what is completed or pending; takings are payments less refunds, and no payment
        is refunded beyond its amount; what left the wallet was given as rewards; the journal adds up to all of it.
        """
        for name, (counted, booked) in self.totals().items():
            if counted != booked:
                raise Imbalance(f"{name}: the records add up to {counted}, the books say {booked}")
        if self.payouts.balance < 0 or self.people.wallet < 0:
            raise Imbalance(f"overdrawn: balance {self.payouts.balance}, wallet {self.people.wallet}")
        for payment in self.payments.by_reference.values():
            if payment.refunded > payment.amount:
                raise Imbalance(f"{payment.reference_no} is refunded beyond its amount")

    def totals(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return name -> (sum over the records, what the books say)."""
        payouts, takings = self.payouts, self.payments.takings
        open_or_done = _sum(one.amount for one in payouts.by_reference.values() if one.status in (SUCCESS, PENDING))
        paid = _sum(one.amount - one.refunded for one in self.payments.by_reference.values() if one.is_paid)
        people = self.people
        return {
            "payouts": (open_or_done, payouts.deposited - payouts.balance),
            "payments": (paid, takings),
            "rewards": (_sum(one.amount for one in people.rewards.values()), people.funded - people.wallet),
            "journal of payments": (self.balance_at(PAYIN, None), takings),
            "journal of payouts": (self.balance_at(PAYOUT, None), payouts.balance),
        }

    def balance_at(self, account: str, moment: datetime | None) -> Decimal:
        """Return the balance of *account* (PAYIN or PAYOUT) at *moment*, None: now; summed from the journal."""
        opening = self.payouts.opening if account == PAYOUT else Decimal(0)
        made = (one for one in self.journal if one.account == account and (moment is None or one.at <= moment))
        return sum((one.amount for one in made), opening)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON can hold it, amounts as text, without names and numbers of customers."""
        payouts = self.payouts.by_reference.values()
        return {
            "balance": f"{self.payouts.balance:.2f}",
            "wallet": f"{self.people.wallet:.2f}",
            "takings": f"{self.payments.takings:.2f}",
            "debits": f"{self.payouts.deposited - self.payouts.balance:.2f}",
            "completed": f"{_sum(one.amount for one in payouts if one.status == SUCCESS):.2f}",
            "pending": f"{_sum(one.amount for one in payouts if one.status == PENDING):.2f}",
            "payments": [_payment_as_json(one) for one in self.payments.by_reference.values()],
            "payouts": [_payout_as_json(one) for one in payouts],
            "rewards": [_reward_as_json(one) for one in self.people.rewards.values()],
        }


def _sum(amounts: Iterable[Money]) -> Decimal:
    return sum((one.value for one in amounts), Decimal(0))


def _payment_as_json(one: Payment) -> dict[str, Any]:
    return {
        "kind": one.kind,
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
