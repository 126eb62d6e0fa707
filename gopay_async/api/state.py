"""What every inquiry about money answers, whatever the family."""

from ..fields import answer
from ..models import Money, TransactionStatus
from ..operation import Answer


@answer
class TransactionState(Answer):
    """What became of a call: look at the status, a successful query says nothing about the money (quirk Q-STA-4)."""

    latest_transaction_status: TransactionStatus
    original_reference_no: str | None = None
    original_partner_reference_no: str | None = None
    original_external_id: str | None = None
    #: Service of the call that was asked about.
    service_code: str | None = None
    amount: Money | None = None
    transaction_status_desc: str | None = None

    @property
    def status(self) -> TransactionStatus:
        """The status."""
        return self.latest_transaction_status
