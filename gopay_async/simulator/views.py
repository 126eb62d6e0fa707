"""How a record of the books looks in answers and notifications.  Changes nothing."""

from ..models import Money, PaymentDetail, Refund, TransactionStatus
from .records import DENIED, SUCCESS, Payment


def paid_with(payment: Payment) -> tuple[PaymentDetail, ...]:
    """Return what the customer paid with; nothing while nothing is paid (quirk Q-FLD-27)."""
    known = payment.is_paid or payment.option is not None
    return (PaymentDetail(pay_method="gopay", pay_option=payment.pay_option),) if known else ()


def refund_history(payment: Payment) -> tuple[Refund, ...]:
    """Return the refunds, oldest first."""
    return tuple(
        Refund(
            refund_no=one.refund_no,
            refund_status=TransactionStatus(SUCCESS),
            partner_refund_no=one.partner_refund_no,
            refund_amount=one.amount,
            refund_time=one.made_at,
            reason=one.reason or None,
        )
        for one in payment.refunds
    )


def total_refunded(payment: Payment) -> Money | None:
    """Return what went back, None when nothing did."""
    return payment.refunded if payment.refunds else None


def fraud_status(payment: Payment) -> str:
    """Return accept or deny."""
    return "deny" if payment.status == DENIED else "accept"
