"""What the simulated provider remembers: payments, payouts, rewards, users, tokens.  Knows no request and no rule."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from attrs import define, field, frozen

from ..models import Money
from ..operation import Operation

SUCCESS: Final = "00"
AUTHORIZED: Final = "01"
PENDING: Final = "03"
REFUNDED: Final = "04"
CANCELED: Final = "05"
FAILED: Final = "06"
NOT_FOUND: Final = "07"
EXPIRED: Final = "08"
DENIED: Final = "09"

DEBIT: Final = "debit"
QRIS: Final = "qris"
AUTH: Final = "auth"


@define(kw_only=True, eq=False)
class Token:
    """An access token of BI-SNAP."""

    value: str = field(repr=False)
    expires_at: datetime
    revoked: bool = False


@define(kw_only=True, eq=False)
class Option:
    """One way in which a linked customer pays."""

    #: GOPAY_WALLET, PAY_LATER, GOPAY_SAVINGS.
    name: str
    balance: Money = field(repr=False)
    token: str = field(repr=False)


@define(kw_only=True, eq=False)
class User:
    """A customer with a GoPay account."""

    account_id: str
    phone_number: str = field(repr=False)
    #: auth_token of the mini-app.
    auth_token: str = field(repr=False)
    email: str = field(repr=False)
    options: list[Option] = field(repr=False)
    #: Rewards are refused with 4060.
    is_fraud: bool = False
    #: The token is good but nobody is found behind it.
    is_gone: bool = False
    #: Whether the profile may be read.
    has_consented: bool = True
    coins: Money = field(default=Money(0))
    gems: Money = field(default=Money(0))
    reminders: dict[str, Mapping[str, Any]] = field(factory=dict, repr=False)


@define(kw_only=True, eq=False)
class Link:
    """A customer's permission to be charged."""

    token: str = field(repr=False)
    user: User
    is_enabled: bool = True
    changed_at: datetime
    message: str = "Account linked"


@define(kw_only=True, eq=False)
class AuthCode:
    """A code that is exchanged for a token, once."""

    value: str = field(repr=False)
    user: User
    expires_at: datetime
    is_used: bool = False


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

    #: DEBIT, QRIS or AUTH.
    kind: str
    reference_no: str
    partner_reference_no: str
    #: X-EXTERNAL-ID of the call that created it.
    external_id: str
    amount: Money
    created_at: datetime
    valid_up_to: datetime
    #: The operation that created it, for everything that is only passed through.
    order: Operation[Any] = field(repr=False)
    status: str
    #: Time of the last change.
    changed_at: datetime
    paid_at: datetime | None = None
    #: What a linked customer pays with; None for anybody in the app.
    option: Option | None = None
    #: Numbers of the capture, or of the voiding.
    follow_up_no: str = ""
    refunds: list[MadeRefund] = field(factory=list)

    @property
    def refunded(self) -> Money:
        """How much went back."""
        return sum((one.amount for one in self.refunds), Money(0))

    @property
    def is_paid(self) -> bool:
        """Whether the customer's money came in, also when some of it went back."""
        return self.paid_at is not None

    @property
    def pay_option(self) -> str:
        """The name of what the customer pays with."""
        return self.option.name if self.option else "GOPAY_WALLET"


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
class Reward:
    """Something given to a mini-app user."""

    payment_id: str
    account_id: str
    amount: Money
    reward_type: str
    given_at: datetime


@frozen
class Movement:
    """Money that came into one of the merchant's accounts, or left it."""

    at: datetime
    #: PAYIN or PAYOUT, as the balance mutation calls them.
    account: str
    amount: Decimal


PAYIN: Final = "payin"
PAYOUT: Final = "iris"

#: What a notification tells about.
Record = Payment | Payout | Link
