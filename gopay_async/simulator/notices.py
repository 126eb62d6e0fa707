"""What the provider tells the merchant by itself: notifications, built and signed.  Knows no connection."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha512
from typing import Any, Final

from attrs import define, field
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from .. import signing, wire
from ..api import DebitNotification, LinkingNotification, PayoutNotification, QrisNotification, QrisParties
from ..credentials import Credentials
from ..models import PayoutStatus, TransactionStatus, format_time
from .ids import Ids
from .records import AUTH, FAILED, QRIS, SUCCESS, Link, Payment, Payout, Record
from .views import paid_with, refund_history, total_refunded

#: Waits before the repeats. The page does not say whether they count from the first delivery or from each other; the
#: latter lasts longer (5.7 hours), so it asks more of the receiver.
DELAYS: Final = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 90, 210))
LINKING_DELAYS: Final = tuple(timedelta(milliseconds=one) for one in (20, 40, 80))
#: Where payout notifications go unless told otherwise: the page names no path, the merchant configures the address.
PAYOUT_PATH: Final = "/payouts/notify"


@define(eq=False, slots=False)
class Notice:
    """One notification: the same bytes and headers, however often it is delivered."""

    #: debit, qris, linking, payout.
    kind: str
    path: str
    body: bytes = field(repr=False)
    made_at: datetime
    #: When it is to be delivered next.
    due_at: datetime
    _sign: Callable[[datetime], dict[str, str]] = field(repr=False, alias="sign")
    delays: tuple[timedelta, ...] = DELAYS
    attempts: int = 0
    #: What X-TIMESTAMP says; that of the first delivery, once there was one.
    stamp: datetime = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.stamp = self.made_at

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers, signed when they are looked at."""
        return self._sign(self.stamp)

    def accepts(self, status: int | None) -> bool:
        """Whether an answer with *status* counts as delivered: 200, for linking any 2xx."""
        return status == 200 or (self.kind == LinkingNotification.kind and status is not None and 200 <= status < 300)


@define(eq=False)
class Herald:
    """Turns what changed in the books into notifications."""

    credentials: Credentials = field(repr=False)
    ids: Ids = field(repr=False)
    #: Returns the key that signs; asked for when the first signature is needed.
    key: Callable[[], RSAPrivateKey] = field(repr=False)
    iris_key: str = field(repr=False)
    payout_path: str = PAYOUT_PATH

    def announce(self, record: Record) -> Notice | None:
        """Return the notification about the present state of *record*; None where the provider documents none."""
        if isinstance(record, Payout):
            return self._payout(record)
        if isinstance(record, Link):
            return self._linking(record)
        # For pre-authorised payments no notification is documented (notifications page, section 2).
        makers = {AUTH: None, QRIS: self._qris}
        make = makers.get(record.kind, self._debit)
        return make(record) if make else None

    def signed(
        self, kind: str, path: str, body: dict[str, Any], at: datetime, delays: tuple[timedelta, ...] = DELAYS
    ) -> Notice:
        """Return *body* as a notification to *path* that is signed with RSA (payment-notification-api page)."""
        raw, external_id = wire.dumps(body), self.ids.digits(32)

        def sign(stamp: datetime) -> dict[str, str]:
            timestamp = format_time(stamp)
            text = signing.notification_string("POST", path, raw, timestamp)
            return {
                "Content-Type": "application/json",
                "X-TIMESTAMP": timestamp,
                "X-SIGNATURE": signing.sign_rsa(text, self.key()),
                "X-PARTNER-ID": str(self.credentials.partner_id),
                "X-EXTERNAL-ID": external_id,
                "CHANNEL-ID": str(self.credentials.channel_id),
            }

        return Notice(kind, path, raw, at, at, sign, delays)

    def _debit(self, payment: Payment) -> Notice:
        status = TransactionStatus(payment.status)
        notification = DebitNotification(
            original_reference_no=payment.reference_no,
            original_partner_reference_no=payment.partner_reference_no,
            original_external_id=payment.external_id,
            merchant_id=self.credentials.merchant_id,
            amount=payment.amount,
            latest_transaction_status=status,
            transaction_status_desc=status.meaning.upper(),
            created_time=payment.created_at,
            finished_time=payment.paid_at if payment.status == SUCCESS else None,
            user_payment_details=paid_with(payment),
            refund_history=refund_history(payment),
            total_refund_amount=total_refunded(payment),
        )
        body = wire.unstructure(notification)
        # additionalInfo is mandatory; the published real payload has an empty history in it.
        body.setdefault("additionalInfo", {}).setdefault("refundHistory", [])
        return self.signed(DebitNotification.kind, DebitNotification.endpoint.path, body, payment.changed_at)

    def _qris(self, payment: Payment) -> Notice:
        status = TransactionStatus(payment.status)
        notification = QrisNotification(
            original_reference_no=payment.reference_no,
            original_partner_reference_no=payment.partner_reference_no,
            latest_transaction_status=status,
            transaction_status_desc=status.meaning,
            amount=payment.amount,
            refund_history=refund_history(payment),
            qris=(QrisParties(issuer_name="gopay", acquirer_name="gopay", transaction_type="ON-US"),),
        )
        body = wire.unstructure(notification)
        # One object in the sample, a list in the table (quirk Q-FLD-10).
        body["additionalInfo"]["qris"] = body["additionalInfo"]["qris"][0]
        return self.signed(QrisNotification.kind, QrisNotification.endpoint.path, body, payment.changed_at)

    def _linking(self, link: Link) -> Notice:
        notification = LinkingNotification(
            access_token=link.token,
            account_status="ENABLED" if link.is_enabled else "DISABLED",
            merchant_id=self.credentials.merchant_id,
            sub_merchant_id="pop-id",
            payment_type="gopay",
            status_message=link.message,
        )
        body, path = wire.unstructure(notification), LinkingNotification.endpoint.path
        return self.signed(LinkingNotification.kind, path, body, link.changed_at, LINKING_DELAYS)

    def _payout(self, payout: Payout) -> Notice:
        failed = payout.status == FAILED
        notification = PayoutNotification(
            reference_no=payout.reference_no,
            partner_reference_no=payout.partner_reference_no,
            amount=payout.amount,
            status=PayoutStatus("failed" if failed else "completed"),
            updated_at=payout.changed_at,
            error_code="001" if failed else None,
            error_message=payout.error if failed else None,
        )
        raw = wire.dumps(wire.unstructure(notification))

        def sign(_: datetime) -> dict[str, str]:
            signature = sha512(raw + self.iris_key.encode()).hexdigest()
            return {"Content-Type": "application/json", "Iris-Signature": signature}

        at = payout.changed_at
        return Notice(PayoutNotification.kind, self.payout_path, raw, at, at, sign)
