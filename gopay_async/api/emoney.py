"""E-money payouts: account inquiry (37), top-up (38) and its two inquiries (36, 39).  Source: the payouts pages."""

from datetime import datetime
from typing import Annotated

from ..fields import INFO, PRIVATE, REFERENCE, Text, answer, message
from ..models import Amount, Money
from ..operation import Answer, Endpoint, Operation, Retry
from .state import TransactionState


def _payout(path: str, service: str, retry: Retry, source: str) -> Endpoint:
    return Endpoint(path=path, service=service, retry=retry, numeric_id=True, source=source)


@answer
class AccountFound(Answer):
    """An e-money account that a top-up would reach; compare the name before paying."""

    customer_name: Annotated[str, PRIVATE]
    customer_number: Annotated[str | None, PRIVATE] = None
    reference_no: str | None = None
    beneficiary_provider: Annotated[str | None, INFO] = None


@message
class InquireAccount(Operation[AccountFound]):
    """Ask whose e-money account a number is.  *amount* is demanded and ignored by the provider (quirk Q-FLD-23)."""

    endpoint = _payout("/v1.0/emoney/account-inquiry", "37", Retry.RESEND, "customer-top-up-account-inquiry")
    #: With country code, without plus: 6281773628883.
    customer_number: Annotated[str, Text(20, r"\d+", "digits"), PRIVATE]
    amount: Amount = Money(1)
    beneficiary_provider: Annotated[str, Text(40), INFO] = "gopay"


@answer
class TopUpAccepted(Answer):
    """Accepted, not paid: only an inquiry or a payout notification tells whether the money arrived (quirk Q-COD-4)."""

    reference_no: str | None = None
    partner_reference_no: str | None = None
    customer_number: Annotated[str | None, PRIVATE] = None


@message
class TopUp(Operation[TopUpAccepted]):
    """Send money to a customer's e-money account.

    *amount* is in rupiah.  *partner_reference_no* is unique for two months; later the provider takes a reuse for a new
    payout.  *notes* may have 100 characters; an older page of the provider says 50.
    """

    endpoint = _payout("/v1.0/emoney/topup", "38", Retry.INQUIRE, "customer-top-up")
    partner_reference_no: Annotated[str, Text(64, *REFERENCE)]
    #: With country code, without plus: 6281773628883.
    customer_number: Annotated[str, Text(20, r"\d+", "digits"), PRIVATE]
    customer_name: Annotated[str, Text(100), PRIVATE]
    amount: Amount
    notes: Annotated[str, Text(100, r"[A-Za-z0-9_ ]+", "letters, digits, spaces and _"), PRIVATE]
    beneficiary_email: Annotated[str | None, Text(50), INFO, PRIVATE] = None
    beneficiary_provider: Annotated[str, Text(40), INFO] = "gopay"

    def inquiry(self, external_id: str) -> "QueryTransfer":
        """Return the default inquiry, service 36; `GoPaySession(top_up_inquiry=...)` may choose 39."""
        return QueryTransfer.of(self, external_id)


@answer
class TransferState(TransactionState):
    """What became of a payout."""

    transaction_date: datetime | None = None


@message
class QueryTransfer(Operation[TransferState]):
    """Ask what became of a top-up (service 36): the provider's own contract and the default (quirk Q-PTH-2).

    Not before ten minutes after the top-up, and for two months.  Not confirmed against the live service.
    """

    endpoint = _payout("/v1.0/transfer/status", "36", Retry.RESEND, "transfer-status-inquiry")
    original_partner_reference_no: Annotated[str, Text(64)]
    service_code: Annotated[str, Text(2, r"\d\d", "two digits")] = "38"

    @classmethod
    def of(cls, top_up: TopUp, external_id: str) -> "QueryTransfer":
        """Return the inquiry for *top_up*; this contract takes no external id."""
        return cls(original_partner_reference_no=top_up.partner_reference_no)


@message
class QueryTopUp(Operation[TransferState]):
    """Ask what became of a top-up (service 39): the national standard's contract (quirk Q-PTH-2).

    Not before ten minutes after the top-up.  Not confirmed against the live service.
    """

    endpoint = _payout(
        "/v1.0/emoney/topup-status",
        "39",
        Retry.RESEND,
        "apidevportal.aspi-indonesia.or.id/api-services/transfer-kredit/customer-top-up",
    )
    original_partner_reference_no: Annotated[str, Text(64)]
    original_reference_no: Annotated[str | None, Text(64)] = None
    original_external_id: Annotated[str | None, Text(36)] = None
    service_code: Annotated[str, Text(2, r"\d\d", "two digits")] = "38"

    @classmethod
    def of(cls, top_up: TopUp, external_id: str) -> "QueryTopUp":
        """Return the inquiry for *top_up*, sent under *external_id*."""
        return cls(
            original_partner_reference_no=top_up.partner_reference_no,
            original_external_id=external_id or None,
        )
