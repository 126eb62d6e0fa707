"""Rows of the ledger as values, and back.  Knows no database connection."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from json import loads
from typing import Any, Final, TypeVar

from attrs import field, frozen

from ..api import TopUp
from ..models import Money
from .facts import Reach, Standing, State, changed
from .schema import from_column, moment_of, payouts

T = TypeVar("T")


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


# Without slots, as `Standing`: there is one of each for each step of each payout.
@frozen(kw_only=True, slots=False)
class Payout:
    """One row: who gets how much, and where it stands."""

    id: int
    job: str
    line: int
    reference: str
    number: str = field(repr=False)
    name: str = field(repr=False)
    #: In hundredths of a rupiah.
    amount: int
    notes: str = field(repr=False)
    email: str | None = field(repr=False)
    provider: str
    #: X-EXTERNAL-ID of the last attempt.
    external_id: str
    #: Where it stands, with nobody's amount and number: one object for all payouts that stand alike.
    alike: Standing = field(repr=False)

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.alike.state

    @property
    def standing(self) -> Standing:
        """Where it stands, with its own amount and number."""
        return changed(self.alike, {"amount": self.amount, "number": self.number})

    @property
    def top_up(self) -> TopUp:
        """The operation that pays it."""
        return _restored(
            TopUp,
            partner_reference_no=self.reference,
            customer_number=self.number,
            customer_name=self.name,
            amount=_restored(Money, value=_rupiah(self.amount)),
            notes=self.notes,
            beneficiary_email=self.email,
            beneficiary_provider=self.provider,
        )


def _restored(kind: type[T], **values: Any) -> T:
    """Return a *kind* of *values* that were checked before they were stored: to check them again takes longer."""
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


@frozen(kw_only=True, slots=False)
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


@frozen(kw_only=True, slots=False)
class Move:
    """A step of one payout, to be written only if it still stands where *before* says."""

    payout: int
    before: Standing
    after: Standing
    external_id: str
    event: Happened


@frozen
class Alike:
    """One step of many payouts that stand alike; made of each only if it still stands where *before* says."""

    before: Standing
    after: Standing
    #: Without external id.
    event: Happened
    #: Number, external id and the provider's reference of each.
    rows: Sequence[tuple[int, str, str]]


def money(sen: int) -> Money:
    """Return an amount of the ledger as Money."""
    return Money(_rupiah(sen))


def _rupiah(sen: int) -> Decimal:
    rupiah, rest = divmod(sen, 100)
    # From text, which no decimal context rounds.
    return Decimal(f"{rupiah}.{rest:02}") if rest else Decimal(rupiah)


def sen(amount: Money) -> int:
    """Return *amount* as the ledger holds it."""
    return int(amount.value * 100)


#: What `payout_of` reads, in its order: who gets how much ...
PAYEE: Final = (
    payouts.c.id,
    payouts.c.job,
    payouts.c.line,
    payouts.c.reference,
    payouts.c.number,
    payouts.c.name,
    payouts.c.amount,
    payouts.c.notes,
    payouts.c.email,
    payouts.c.provider,
    payouts.c.external_id,
)
#: ... and where it stands.
STANDING: Final = (
    payouts.c.state,
    payouts.c.attempt,
    payouts.c.resends,
    payouts.c.reach,
    payouts.c.imported_at,
    payouts.c.first_sent_at,
    payouts.c.sent_until,
    payouts.c.sent_mono,
    payouts.c.sent_by,
    payouts.c.accepted,
    payouts.c.reference_no,
    payouts.c.noticed_at,
    payouts.c.asked,
    payouts.c.ask_at,
    payouts.c.reason,
)


def payout_of(row: Sequence[Any]) -> Payout:
    """Return the payout in *row*: the columns of `PAYEE`, and those of `STANDING` as the text of a JSON array."""
    number, job, line, reference, payee, name, amount, notes, email, provider, external_id, standing = row
    return Payout(
        id=number,
        job=job,
        line=line,
        reference=reference,
        number=payee,
        name=name,
        amount=amount,
        notes=notes,
        email=email,
        provider=provider,
        external_id=external_id,
        alike=_standing_of(standing),
    )


# Those that wait to be sent stand all alike, but for a few.
@lru_cache(maxsize=1_000)
def _standing_of(text: str) -> Standing:
    state, attempt, resends, reach, imported_at, first_sent_at, *rest = loads(text)
    sent_until, sent_mono, sent_by, accepted, reference_no, noticed_at, asked, ask_at, reason = rest
    return Standing(
        state=State(state),
        attempt=attempt,
        resends=resends,
        reach=Reach(reach),
        amount=0,
        number="",
        imported_at=moment_of(imported_at),
        first_sent_at=from_column(first_sent_at),
        sent_until=from_column(sent_until),
        sent_mono=sent_mono,
        sent_by=sent_by,
        accepted=bool(accepted),
        reference_no=reference_no,
        noticed_at=from_column(noticed_at),
        asked=asked,
        ask_at=from_column(ask_at),
        reason=reason,
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
