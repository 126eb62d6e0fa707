"""What the simulated provider remembers: payments, payouts, rewards, users, tokens.  Knows no request and no rule."""

from datetime import datetime
from typing import Any, Final

from attrs import define, field

from ..models import Money
from ..operation import Operation

SUCCESS: Final = "00"
PENDING: Final = "03"
REFUNDED: Final = "04"
CANCELED: Final = "05"
FAILED: Final = "06"
EXPIRED: Final = "08"
DENIED: Final = "09"


@define(kw_only=True, eq=False)
class Token:
    """An access token of BI-SNAP."""

    value: str
    expires_at: datetime
    revoked: bool = False


@define(kw_only=True, eq=False)
class MadeRefund:
    """Money that went back to a customer."""

    refund_no: str
    partner_refund_no: str
    amount: Money
    made_at: datetime
    reason: str = ""


@define(kw_only=True, eq=False)
class Payment:
    """A payment of a customer to the merchant."""

    reference_no: str
    partner_reference_no: str
    #: X-EXTERNAL-ID of the call that created it.
    external_id: str
    amount: Money
    created_at: datetime
    valid_up_to: datetime
    #: The operation that created it, for everything that is only passed through.
    order: Operation[Any] = field(repr=False)
    status: str = PENDING
    #: Time of the last change.
    changed_at: datetime
    paid_at: datetime | None = None
    #: GOPAY_WALLET, PAY_LATER, GOPAY_SAVINGS.
    pay_option: str = "GOPAY_WALLET"
    refunds: list[MadeRefund] = field(factory=list)

    @property
    def refunded(self) -> Money:
        """How much went back."""
        return sum((one.amount for one in self.refunds), Money(0))

    @property
    def is_paid(self) -> bool:
        """Whether the customer's money came in, also when some of it went back."""
        return self.paid_at is not None


@define(kw_only=True, eq=False)
class Payout:
    """A top-up of a customer's account by the merchant."""

    reference_no: str
    partner_reference_no: str
    external_id: str
    customer_number: str = field(repr=False)
    amount: Money
    accepted_at: datetime
    changed_at: datetime
    status: str = PENDING
    error: str = ""


@define(kw_only=True, eq=False)
class User:
    """A customer with a GoPay account."""

    account_id: str
    phone_number: str = field(repr=False)
    #: auth_token of the mini-app.
    auth_token: str = field(repr=False)
    email: str = field(default="", repr=False)
    #: Rewards are refused with 4060.
    is_fraud: bool = False
    #: The token is good but nobody is found behind it.
    is_gone: bool = False
    coins: Money = Money(0)


@define(kw_only=True, eq=False)
class Reward:
    """Something given to a mini-app user."""

    payment_id: str
    account_id: str
    amount: Money
    reward_type: str
    given_at: datetime


@define(kw_only=True, eq=False)
class AuthCode:
    """What the mini-app's bridge hands out for six minutes."""

    value: str = field(repr=False)
    user: User
    expires_at: datetime
    is_used: bool = False
