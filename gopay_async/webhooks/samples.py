"""Ready payloads of every kind and state, and deliveries that went wrong.  For tests and the command line."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from .. import wire
from ..api import DebitNotification, LinkingNotification, QrisNotification
from ..errors import InvalidInput
from ..models import Money, format_time
from .payout import sign_payout
from .signer import sign_notification

_STATES: Final[Mapping[str, str]] = {
    "paid": "00",
    "authorized": "01",
    "pending": "03",
    "refunded": "04",
    "cancelled": "05",
    "failed": "06",
    "expired": "08",
    "denied": "09",
}
_PAYOUTS: Final = ("approved", "processed", "completed", "rejected", "failed")
_LINKING: Final[Mapping[str, tuple[str, str]]] = {
    "linked": ("ENABLED", "Account linked"),
    "unlinked": ("DISABLED", "Account unlinked"),
    "phone-changed": ("DISABLED", "User changed phone number"),
}
#: Every name that `sample` takes.
SAMPLES: Final = (
    *(f"{kind}.{state}" for kind in ("debit", "qris") for state in _STATES),
    *(f"linking.{state}" for state in _LINKING),
    *(f"payout.{state}" for state in _PAYOUTS),
)
_AMOUNT: Final = Money(10_000)
#: Where payout notifications go, unless the merchant's own address is given.
PAYOUT_PATH: Final = "/payouts/notify"


@frozen
class Delivery:
    """One request as it arrives: headers, and the exact bytes of the body."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def sample(
    name: str,
    *,
    reference_no: str = "A120261120000000000000000001",
    partner_reference_no: str = "order-1",
    merchant_id: str = "G169749203",
    amount: Money = _AMOUNT,
    at: datetime | None = None,
) -> tuple[str, bytes]:
    """Return signed path and body of the notification *name*, such as ``debit.paid``; raise InvalidInput."""
    if name not in SAMPLES:
        raise InvalidInput("name", f"there are: {', '.join(SAMPLES)}")
    kind, state = name.split(".")
    moment = format_time(at or datetime.now(UTC))
    if kind == "payout":
        return PAYOUT_PATH, wire.dumps(_payout(state, reference_no, partner_reference_no, amount, moment))
    if kind == "linking":
        return LinkingNotification.endpoint.path, wire.dumps(_linking(state, merchant_id))
    body = _payment(_STATES[state], reference_no, partner_reference_no, amount, moment)
    if kind == "qris":
        return QrisNotification.endpoint.path, wire.dumps(body)
    return DebitNotification.endpoint.path, wire.dumps({**body, "merchantId": merchant_id})


class Forge:
    """Makes deliveries, good and bad, with a key of the test's own.

    *private_key* signs, *other_key* is one that the receiver does not trust, *iris_key* signs payouts, *now* returns
    the present.
    """

    def __init__(
        self,
        private_key: RSAPrivateKey,
        other_key: RSAPrivateKey,
        *,
        iris_key: str = "iris-key-for-tests",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._key = private_key
        self._other = other_key
        self.iris_key = iris_key
        self._now = now

    @property
    def public_key(self) -> RSAPublicKey:
        """The key to trust."""
        return self._key.public_key()

    def valid(self, name: str = "debit.paid", **facts: Any) -> Delivery:
        """Return a delivery that verifies."""
        path, body = sample(name, **{"at": self._now(), **facts})
        return self.sign(body, path)

    def sign(self, body: bytes, path: str = DebitNotification.endpoint.path) -> Delivery:
        """Return *body* as a delivery that verifies."""
        if path == PAYOUT_PATH:
            return Delivery(path, sign_payout(body, self.iris_key), body)
        return self._signed(body, path, self._key, self._now())

    def tampered(self, name: str = "debit.paid", **facts: Any) -> Delivery:
        """Return a genuine one of which a byte was changed on the way."""
        good = self.valid(name, **facts)
        return evolve(good, body=good.body.replace(b'"', b' "', 1).replace(b"1", b"9", 1))

    def stale(self, name: str = "debit.paid", *, age: timedelta = timedelta(hours=7), **facts: Any) -> Delivery:
        """Return a genuine one that is too old."""
        good = self.valid(name, **facts)
        return self._signed(good.body, good.path, self._key, self._now() - age)

    def future(self, name: str = "debit.paid", *, ahead: timedelta = timedelta(minutes=6), **facts: Any) -> Delivery:
        """Return one that was signed by a clock ahead of ours."""
        good = self.valid(name, **facts)
        return self._signed(good.body, good.path, self._key, self._now() + ahead)

    def wrong_path(self, name: str = "debit.paid", **facts: Any) -> Delivery:
        """Return one that was signed for another path."""
        good = self.valid(name, **facts)
        return evolve(self._signed(good.body, "/somewhere/else", self._key, self._now()), path=good.path)

    def wrong_key(self, name: str = "debit.paid", **facts: Any) -> Delivery:
        """Return one that a stranger signed."""
        good = self.valid(name, **facts)
        return self._signed(good.body, good.path, self._other, self._now())

    def re_serialised(self, name: str = "debit.paid", **facts: Any) -> Delivery:
        """Return a genuine one whose numbers a proxy rewrote, with the same meaning: 1.00 became 1.0."""
        path, body = sample(name, **{"at": self._now(), **facts})
        signed = self.sign(body[:-1] + b',"number":1.00}', path)
        return evolve(signed, body=signed.body.replace(b"1.00}", b"1.0}"))

    def duplicate(self, first: Delivery) -> Delivery:
        """Return the same event, sent again later: another X-EXTERNAL-ID, another time, another signature."""
        if first.path == PAYOUT_PATH:
            return first
        return self._signed(first.body, first.path, self._key, self._now() + timedelta(seconds=1))

    def _signed(self, body: bytes, path: str, key: RSAPrivateKey, at: datetime) -> Delivery:
        return Delivery(path, sign_notification(body, key, path=path, timestamp=at), body)


def _payment(status: str, reference_no: str, partner_no: str, amount: Money, moment: str) -> dict[str, Any]:
    money = {"value": str(amount), "currency": "IDR"}
    refund = {
        "refundNo": "96194816941239812",
        "refundStatus": "00",
        "partnerReferenceNo": "refund-1",
        "refundAmount": money,
        "refundDate": moment,
        "reason": "Customer Complain",
    }
    return {
        "originalReferenceNo": reference_no,
        "originalPartnerReferenceNo": partner_no,
        "amount": money,
        "latestTransactionStatus": status,
        "additionalInfo": {"refundHistory": [refund] if status == "04" else []},
    }


def _payout(state: str, reference_no: str, partner_no: str, amount: Money, moment: str) -> dict[str, Any]:
    body = {
        "reference_no": reference_no,
        "partner_reference_no": partner_no,
        "amount": str(amount),
        "status": state,
        "updated_at": moment,
    }
    trouble = {"error_code": "001", "error_message": "The account does not exist"}
    return {**body, **trouble} if state in ("rejected", "failed") else body


def _linking(state: str, merchant_id: str) -> dict[str, Any]:
    status, message = _LINKING[state]
    return {
        "additionalInfo": {
            "accessToken": "customer-token-for-tests",
            "merchantId": merchant_id,
            "subMerchantId": "pop-id",
            "paymentType": "gopay",
            "accountStatus": status,
            "statusMessage": message,
        }
    }
