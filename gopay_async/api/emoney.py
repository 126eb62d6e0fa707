"""E-money payouts: account inquiry (37), top-up (38) and its two inquiries (36, 39).  Source: the payouts pages."""

from datetime import datetime
from typing import Annotated

from ..fields import INFO, PRIVATE, REFERENCE, Text, answer, message
from ..models import Amount, Money, TransactionStatus
from ..operation import Answer, Endpoint, Operation, Retry


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

    endpoint = Endpoint(
        path="/v1.0/emoney/account-inquiry",
        service="37",
        retry=Retry.RESEND,
        numeric_id=True,
        source="docs.midtrans.com/reference/customer-top-up-account-inquiry",
    )
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

    endpoint = Endpoint(
        path="/v1.0/emoney/topup",
        service="38",
        retry=Retry.INQUIRE,
        numeric_id=True,
        source="docs.midtrans.com/reference/customer-top-up",
    )
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
class TransferState(Answer):
    """What became of a payout: look at the status, a successful query says nothing about the money."""

    latest_transaction_status: TransactionStatus
    original_reference_no: str | None = None
    original_partner_reference_no: str | None = None
    original_external_id: str | None = None
    service_code: str | None = None
    amount: Money | None = None
    transaction_date: datetime | None = None
    transaction_status_desc: str | None = None

    @property
    def status(self) -> TransactionStatus:
        """The status."""
        return self.latest_transaction_status


@message
class QueryTransfer(Operation[TransferState]):
    """Ask what became of a top-up (service 36): the provider's own contract and the default (quirk Q-PTH-2).

    Not before ten minutes after the top-up, and for two months.  Not confirmed against the live service.
    """

    endpoint = Endpoint(
        path="/v1.0/transfer/status",
        service="36",
        retry=Retry.RESEND,
        numeric_id=True,
        source="docs.midtrans.com/reference/transfer-status-inquiry",
    )
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

    endpoint = Endpoint(
        path="/v1.0/emoney/topup-status",
        service="39",
        retry=Retry.RESEND,
        numeric_id=True,
        source="apidevportal.aspi-indonesia.or.id/api-services/transfer-kredit/customer-top-up",
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
