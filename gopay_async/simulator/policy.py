"""How the simulated provider behaves where the merchant cannot choose.  Knows no state."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from ..models import Money

#: An account that has promotions (fetch-promotion page).
SAMPLE_ACCOUNT: Final = "00000269-7836-49e5-bc65-e592afafec14"
_PROMOTION: Final = {
    "id": "CASHBACK|acbec7d4-b30b-44ac-9c42-f5d767419a72|8bb3c041-c71e-40f3-892b-688fda2ec979||2021-02-22|2099-02-23",
    "code": "100PCCASHBACK",
    "type": "CASHBACK",
    "actual_payable_amount": "100.00",
    "promotion_amount": "100.00",
    "minimum_applicable_amount": "100.00",
    "currency": "IDR/SGD/VND/THB",
    "description": "100 percent cashback",
    "short_description": "short-desc",
    "title": "100PCCASHBACK",
    "valid_from": "2021-02-22 17:00:00",
    "valid_till": "2099-02-23 17:00:00",
    "tnc_url": "",
    "limit_per_user": 15,
    "source": "GOPAY_PROMO",
    "promotion_value": {"money": {"type": "PERCENTAGE", "value": "100"}},
}


def _samples() -> dict[str, list[Mapping[str, Any]]]:
    return {SAMPLE_ACCOUNT: [_PROMOTION]}


@define
class Policy:
    """Settings of a simulator; they may be changed while it runs, and survive its reset."""

    #: Opening balance of the payout account, and of the wallet that rewards are paid from.
    balance: Money = field(default=Money(1_000_000_000))
    wallet: Money = field(default=Money(1_000_000_000))
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
    #: A linked charge from this amount on asks for the PIN, and waits (sandbox rules of the tokenization page).
    pin_from: Money = field(default=Money(100_000))
    #: Virtual seconds after a payment during which a refund is refused with error 2007 (quirk Q-COD-19).
    refundable_after: float = 0.0
    #: Templates of reminders and push messages that GoPay has issued; None: any.
    templates: set[str] | None = None
    #: Account id -> promotions as they stand on the wire; who is not in it is not known.
    promotions: dict[str, list[Mapping[str, Any]]] = field(factory=_samples)
