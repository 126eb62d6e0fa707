"""Rows of the ledger as values, and back.  Knows no database connection."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from attrs import field, frozen

from ..api import TopUp
from ..models import Money
from .plan import Reach, Standing, State
from .schema import from_column, moment_of, to_column


@frozen
class Account:
    """Whose payouts they are: references are unique within one."""

    environment: str
    client_id: str


@frozen(kw_only=True)
class Job:
    """One imported set of payouts."""

    #: SHA-256 of its content, in hex.
    id: str
    name: str
    account: Account
    account_id: int = field(repr=False)
    imported_at: datetime
    rows: int
    #: In hundredths of a rupiah.
    total: int
    paused: str = ""
    distrust: str = ""

    @property
    def short(self) -> str:
        """The beginning of the id: what people type."""
        return self.id[:12]


@frozen(kw_only=True)
class Payout:
    """One row: who gets how much, and where it stands."""

    id: int
    job: str
    line: int
    reference: str
    name: str = field(repr=False)
    notes: str = field(repr=False)
    email: str | None = field(repr=False)
    provider: str
    #: X-EXTERNAL-ID of the last attempt.
    external_id: str
    standing: Standing = field(repr=False)

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.standing.state

    @property
    def top_up(self) -> TopUp:
        """The operation that pays it."""
        return TopUp(
            partner_reference_no=self.reference,
            customer_number=self.standing.number,
            customer_name=self.name,
            amount=money(self.standing.amount),
            notes=self.notes,
            beneficiary_email=self.email,
            beneficiary_provider=self.provider,
        )


@frozen(kw_only=True)
class Happened:
    """One event of the ledger: what happened to a payout, and where it stood before and after."""

    at: datetime
    kind: str
    attempt: int = 0
    external_id: str = ""
    http_status: int | None = None
    code: str = ""
    outcome: str = ""
    said: str = ""
    before: str = ""
    state: str = ""


@frozen(kw_only=True)
class Move:
    """A step of one payout, to be written only if it still stands where *before* says."""

    payout: int
    before: Standing
    after: Standing
    external_id: str
    event: Happened


def money(sen: int) -> Money:
    """Return an amount of the ledger as Money."""
    return Money(Decimal(sen).scaleb(-2))


def sen(amount: Money) -> int:
    """Return *amount* as the ledger holds it."""
    return int(amount.value * 100)


def standing_of(row: Mapping[str, Any]) -> Standing:
    """Return where the payout in *row* stands."""
    return Standing(
        state=State(row["state"]),
        attempt=row["attempt"],
        resends=row["resends"],
        reach=Reach(row["reach"]),
        amount=row["amount"],
        number=row["number"],
        imported_at=moment_of(row["imported_at"]),
        first_sent_at=from_column(row["first_sent_at"]),
        sent_until=from_column(row["sent_until"]),
        sent_mono=row["sent_mono"],
        sent_by=row["sent_by"],
        accepted=bool(row["accepted"]),
        reference_no=row["reference_no"],
        noticed_at=from_column(row["noticed_at"]),
        asked=row["asked"],
        ask_at=from_column(row["ask_at"]),
        reason=row["reason"],
    )


def payout_of(row: Mapping[str, Any]) -> Payout:
    """Return the payout in *row*."""
    return Payout(
        id=row["id"],
        job=row["job"],
        line=row["line"],
        reference=row["reference"],
        name=row["name"],
        notes=row["notes"],
        email=row["email"],
        provider=row["provider"],
        external_id=row["external_id"],
        standing=standing_of(row),
    )


def job_of(row: Mapping[str, Any]) -> Job:
    """Return the job in *row*, which is joined with its account."""
    return Job(
        id=row["id"],
        name=row["name"],
        account=Account(row["environment"], row["client_id"]),
        account_id=row["account"],
        imported_at=moment_of(row["imported_at"]),
        rows=row["rows"],
        total=row["total"],
        paused=row["paused"],
        distrust=row["distrust"],
    )


#: Columns that a move may change.
MUTABLE: Final = (
    "state",
    "attempt",
    "resends",
    "reach",
    "external_id",
    "first_sent_at",
    "sent_until",
    "sent_mono",
    "sent_by",
    "accepted",
    "reference_no",
    "noticed_at",
    "asked",
    "ask_at",
    "reason",
)

#: Columns of an event.
EVENT_COLUMNS: Final = (
    "payout",
    "at",
    "kind",
    "attempt",
    "external_id",
    "http_status",
    "code",
    "outcome",
    "before",
    "state",
    "said",
)


def changed_columns(move: Move) -> dict[str, Any]:
    """Return the parameters of the conditional update that makes *move*."""
    after = move.after
    return {
        "b_id": move.payout,
        "b_state": move.before.state.value,
        "b_attempt": move.before.attempt,
        "n_state": after.state.value,
        "n_attempt": after.attempt,
        "n_resends": after.resends,
        "n_reach": int(after.reach),
        "n_external_id": move.external_id,
        "n_first_sent_at": to_column(after.first_sent_at),
        "n_sent_until": to_column(after.sent_until),
        "n_sent_mono": after.sent_mono,
        "n_sent_by": after.sent_by,
        "n_accepted": after.accepted,
        "n_reference_no": after.reference_no,
        "n_noticed_at": to_column(after.noticed_at),
        "n_asked": after.asked,
        "n_ask_at": to_column(after.ask_at),
        "n_reason": after.reason,
    }


def event_columns(move: Move) -> dict[str, Any]:
    """Return the event of *move* as it is inserted."""
    event = move.event
    return {
        "payout": move.payout,
        "at": to_column(event.at),
        "kind": event.kind,
        "attempt": event.attempt,
        "external_id": event.external_id,
        "http_status": event.http_status,
        "code": event.code,
        "outcome": event.outcome,
        "before": move.before.state.value,
        "state": move.after.state.value,
        "said": event.said,
    }
