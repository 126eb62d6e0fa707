"""Values that operations share: money, time, status.  Knows no endpoint and no wire."""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal
from functools import lru_cache, total_ordering
from typing import Annotated, Any, Final

from attrs import Factory, field, frozen

from .errors import InvalidInput
from .fields import PRIVATE, YES_NO, Name, Text, answer, message

#: Western Indonesian time, the zone of every day and every sample of the provider.
WIB: Final = timezone(timedelta(hours=7), "WIB")
#: The zone of a time that came without one (quirk Q-TIM-3).
ASSUMED_WIB: Final = timezone(timedelta(hours=7), "WIB, assumed")

_MONEY = re.compile(r"-?\d{1,16}(\.\d{1,2})?", re.ASCII)
# Amounts are exact whatever the precision of the caller's decimal context.
_EXACT: Final = Context(prec=40)
_HINT = "rupiah in digits with at most two decimals, for example Money(10_000) or Money('10000.00')"


@total_ordering
@frozen(init=False, repr=False, order=False)
class Money:
    """An exact amount in rupiah.

    *value* is an int, a Decimal or text: at most 16 digits and two decimals, no exponent, no separator, never a float.
    The provider also sends zero and negative amounts; limits belong to the operations.
    """

    value: Decimal

    def __init__(self, value: "int | str | Decimal") -> None:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise InvalidInput("amount", f"{type(value).__name__} is not money: {_HINT}")
        if isinstance(value, int) and abs(value) >= 10**16:
            raise InvalidInput("amount", f"has too many digits: {_HINT}")
        text = str(value)
        if not _MONEY.fullmatch(text):
            raise InvalidInput("amount", f"{text[:24]!r} is not money: {_HINT}")
        # `plus` takes the sign from a zero.
        object.__setattr__(self, "value", _EXACT.plus(Decimal(text)))

    def __str__(self) -> str:
        return f"{self.value:.2f}"

    def __repr__(self) -> str:
        return f"Money('{self}')"

    def __lt__(self, other: object) -> bool:
        return self.value < other.value if isinstance(other, Money) else NotImplemented

    def __add__(self, other: object) -> "Money":
        return Money(_EXACT.add(self.value, other.value)) if isinstance(other, Money) else NotImplemented

    def __radd__(self, other: object) -> "Money":
        # sum() starts at the int 0.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: object) -> "Money":
        return Money(_EXACT.subtract(self.value, other.value)) if isinstance(other, Money) else NotImplemented

    def __neg__(self) -> "Money":
        return Money(_EXACT.minus(self.value))

    def __mul__(self, times: object) -> "Money":
        if isinstance(times, bool) or not isinstance(times, int):
            return NotImplemented
        return Money(_EXACT.multiply(self.value, times))

    __rmul__ = __mul__


@frozen
class Between:
    """Rule: an amount from *least* to *most*, both included."""

    least: Money
    most: Money

    def check(self, name: str, value: Money) -> None:
        """Raise InvalidInput when *value* is outside."""
        if not self.least.value <= value.value <= self.most.value:
            raise InvalidInput(name, f"is Rp {value}; from {self.least} to {self.most} is allowed")


#: Limits of every BI-SNAP amount that we send: 1.00 to 99999999999.00.
Amount = Annotated[Money, Between(Money(1), Money(99_999_999_999))]


@frozen
class TransactionStatus:
    """State of a transaction as sent: two digits, or a legacy word; tomorrow's code is kept, never an error."""

    raw: str

    @property
    def code(self) -> str:
        """The two digits, also where a legacy word was sent; the raw text when it is neither."""
        return _LEGACY.get(self.raw.lower(), self.raw)

    @property
    def meaning(self) -> str:
        """The words of the page, empty for a status that it does not list."""
        return _STATUSES.get(self.code, "")

    @property
    def is_known(self) -> bool:
        """Whether the page lists it."""
        return self.code in _STATUSES

    @property
    def is_paid(self) -> bool:
        """Whether the money is with the payee: 00 and nothing else."""
        return self.code == "00"

    @property
    def is_refunded(self) -> bool:
        """Whether all of it, or a part, went back (04): sum the refund history to know how much."""
        return self.code == "04"

    @property
    def is_final(self) -> bool:
        """Whether it will not become paid any more, or is; 07 is not final while the call may still be under way."""
        return self.code in ("00", "04", "05", "06", "08", "09")

    def __str__(self) -> str:
        return f"{self.raw} {self.meaning}".strip()


_STATUSES: Final = {
    "00": "success",
    "01": "initiated",
    "02": "paying",
    "03": "pending",
    "04": "refunded",
    "05": "canceled",
    "06": "failed",
    "07": "not found",
    "08": "expired",
    "09": "rejected",
}
_LEGACY: Final = {
    "settlement": "00",
    "capture": "00",
    "authorize": "01",
    "pending": "03",
    "refund": "04",
    "partial_refund": "04",
    "cancel": "05",
    "failure": "06",
    "expire": "08",
    "deny": "09",
}


@frozen
class PayoutStatus:
    """State of a payout in a notification: a word; tomorrow's word is kept, never an error."""

    raw: str

    @property
    def word(self) -> str:
        """The word in lower case."""
        return self.raw.lower()

    @property
    def is_known(self) -> bool:
        """Whether the page lists it."""
        return self.is_accepted or self.is_paid or self.is_failed or self.is_balance_top_up

    @property
    def is_accepted(self) -> bool:
        """Whether it is under way: approved or processed."""
        return self.word in ("approved", "processed")

    @property
    def is_paid(self) -> bool:
        """Whether the money is with the payee; the bank may still return it, then `failed` follows."""
        return self.word == "completed"

    @property
    def is_failed(self) -> bool:
        """Whether nobody has been paid, or the money came back: rejected or failed."""
        return self.word in ("rejected", "failed")

    @property
    def is_final(self) -> bool:
        """Whether no other state can follow: rejected and failed; completed may still turn into failed."""
        return self.is_failed

    @property
    def is_balance_top_up(self) -> bool:
        """Whether this is no payout at all, but money that arrived in the merchant's own balance."""
        return self.word == "topup"

    def __str__(self) -> str:
        return self.raw


def new_external_id() -> str:
    """Return 32 random digits: valid as X-EXTERNAL-ID and Request-Id in every family.  Store it, then send."""
    return f"{secrets.randbelow(10**32):032d}"


def format_time(moment: datetime) -> str:
    """Return *moment* (aware) as the 25 characters that the provider documents: seconds, +07:00."""
    since = moment - _EPOCH
    return _second(since.days, since.seconds)


_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


# Many calls are signed in one second, and a time zone is slow.
@lru_cache(maxsize=32)
def _second(days: int, seconds: int) -> str:
    return (_EPOCH + timedelta(days=days, seconds=seconds)).astimezone(WIB).isoformat()


def parse_time(text: str) -> datetime:
    """Return the time in *text*, aware: any ISO 8601 form, and the forms without a zone that the provider also sends.

    A time without a zone is taken as +07:00 and carries the zone `ASSUMED_WIB`.  Raises ValueError.
    """
    if _PLAIN_TIME.fullmatch(text):
        return datetime.fromisoformat(text)
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError("not a time")
    date, clock, fraction, zone = found.groups()
    micro = f"{(fraction or '.')[1:7]:0<6}"
    naive = datetime.fromisoformat(f"{date.replace('-', '')}T{clock.replace(':', '')}.{micro}")
    return naive.replace(tzinfo=_zone(zone))


# The documented form, which the standard library reads at once, and every other one that was seen.
_PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-?\d\d-?\d\d)[T ]?(\d\d:?\d\d:?\d\d)(\.\d{0,9})?(Z|z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


def _zone(text: str | None) -> timezone:
    if text is None:
        return ASSUMED_WIB
    if text in "Zz":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def is_assumed(moment: datetime) -> bool:
    """Whether *moment* came without a zone and was taken as +07:00."""
    # By name, not by identity: a pickled or copied time keeps its name only.
    return moment.tzname() == ASSUMED_WIB.tzname(None)


@message
class Address:
    """Billing or shipping address."""

    first_name: Annotated[str | None, Text(255), PRIVATE] = None
    last_name: Annotated[str | None, Text(255), PRIVATE] = None
    phone: Annotated[str | None, Text(15), PRIVATE] = None
    address: Annotated[str | None, Text(255), PRIVATE] = None
    city: Annotated[str | None, Text(255), PRIVATE] = None
    postal_code: Annotated[str | None, Text(255), PRIVATE] = None
    #: Sample: IDN.
    country_code: Annotated[str | None, Text(15)] = None


@message
class CustomerDetails:
    """Who pays."""

    phone: Annotated[str | None, Text(15), PRIVATE] = None
    email: Annotated[str | None, Text(255), PRIVATE] = None
    first_name: Annotated[str | None, Text(255), PRIVATE] = None
    last_name: Annotated[str | None, Text(255), PRIVATE] = None
    billing_address: Address | None = None
    shipping_address: Address | None = None


@message
class Item:
    """One line of the order; price times quantity, summed over the lines, should equal the amount."""

    name: Annotated[str, Text(64)]
    price: Money
    quantity: Annotated[str, Text(16, r"[1-9]\d*", "digits")] = field(default="1", converter=str)
    id: Annotated[str | None, Text(32)] = None
    merchant_name: Annotated[str | None, Text(64)] = None
    brand: Annotated[str | None, Text(64)] = None
    category: Annotated[str | None, Text(64)] = None
    url: Annotated[str | None, Text(64)] = None


def _is_deeplink(param: "UrlParam") -> bool:
    return not str(param.url).lower().startswith(("http://", "https://"))


@message
class UrlParam:
    """Where the customer returns to after paying."""

    url: Annotated[str, Text(512)]
    type: Annotated[str, Text(32)] = "PAY_RETURN"
    #: Whether *url* opens an app; taken from its scheme.
    is_deeplink: Annotated[bool, YES_NO] = Factory(_is_deeplink, takes_self=True)


@answer
class PaymentDetail:
    """What the customer paid with."""

    #: GOPAY in any case.
    pay_method: str | None = None
    #: GOPAY_WALLET, PAY_LATER, GOPAY_SAVINGS, ...
    pay_option: Annotated[str | None, Name(also=("payOptions",))] = None


@answer
class Refund:
    """One entry of a refund history; both spellings of the pages are read (quirk Q-FLD-3)."""

    refund_no: str
    #: 00 success, 06 failed.
    refund_status: TransactionStatus | None = None
    partner_refund_no: Annotated[str | None, Name(also=("partnerReferenceNo",))] = None
    refund_amount: Money | None = None
    refund_time: Annotated[datetime | None, Name(also=("refundDate",))] = None
    reason: str | None = None


FreeObject = Mapping[str, Any]
Items = Sequence[Item]
