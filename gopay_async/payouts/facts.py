"""The vocabulary of the plan: where a payout stands, what can happen to it, what follows.  Decides nothing."""

from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final, TypeVar

from attrs import frozen

T = TypeVar("T")


class State(StrEnum):
    """Where a payout stands."""

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    PAID = "paid"
    FAILED = "failed"
    REFUSED = "refused"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    DISPUTED = "disputed"


#: States in which something may still be done without a person.
OPEN: Final = frozenset({State.PLANNED, State.SENDING, State.ACCEPTED, State.UNKNOWN})


class Reach(IntEnum):
    """How far the attempts before the present one can have come at most."""

    #: There is none, or each was not sent, met 429 or a rejected token.
    NOWHERE = 0
    #: One was refused, so that the provider may have kept its reference.
    REFUSED = 1
    #: One had an unknown outcome, and an inquiry that was believed did not find it.
    NOT_FOUND = 2


class Outcome(StrEnum):
    """What one attempt came to."""

    ACCEPTED = "accepted"
    NOT_SENT = "not sent"
    NO_TOKEN = "no token"  # noqa: S105  # a word
    TOKEN_REJECTED = "token rejected"  # noqa: S105  # a word
    RATE_LIMITED = "rate limited"
    REFUSED = "refused"
    #: A no that is not about this payout: funds, permission, signature.
    STOPPED = "refused, and the job with it"
    #: 409xx01: the provider holds the reference.
    HELD = "reference held"
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """What an inquiry said."""

    PAID = "paid"
    UNDER_WAY = "under way"
    RETURNED = "returned"
    FAILED = "failed"
    NOT_FOUND = "not found"
    NOTHING = "nothing usable"


class Notice(StrEnum):
    """What a payout notification said."""

    ACCEPTED = "accepted"
    COMPLETED = "completed"
    FAILED = "failed"
    OTHER = "something else"


@frozen
class Rules:
    """The settings of the plan."""

    #: Until "not found" means something, counted from the last moment at which the request may have been sent.
    patience: timedelta = timedelta(minutes=10)
    #: Two months, counted short; what is older may be paid anew by the provider.
    window: timedelta = timedelta(days=59)
    margin: timedelta = timedelta(days=7)
    #: Sendings after the first, each after an inquiry that was believed did not find it: with 3 there are 4 at most.
    resends: int = 3
    #: Unknown outcomes in a row, foreign references in a row, and attempts in a row that did not get out.
    unknown_in_a_row: int = 20
    elsewhere_in_a_row: int = 10
    blocked_in_a_row: int = 20


# Without slots, as everything here of which there is one for each payout: made, and changed, in half the time.
@frozen(kw_only=True, slots=False)
class Standing:
    """Everything about a payout that decides what it does next."""

    state: State = State.PLANNED
    #: Attempts so far; the number of the present one while it is under way.
    attempt: int = 0
    resends: int = 0
    reach: Reach = Reach.NOWHERE
    #: In hundredths of a rupiah.
    amount: int
    number: str
    imported_at: datetime
    first_sent_at: datetime | None = None
    #: Last moment at which bytes may have left: wall clock, monotonic clock, and whose monotonic clock.
    sent_until: datetime | None = None
    sent_mono: float | None = None
    sent_by: str = ""
    #: Whether the provider itself said that it holds the payout: by its answer, or by a notification.
    accepted: bool = False
    #: The provider's reference.
    reference_no: str = ""
    #: When the last notification that counted says that it happened.
    noticed_at: datetime | None = None
    #: Inquiries since the last attempt.
    asked: int = 0
    ask_at: datetime | None = None
    #: Why it stands there, in words.
    reason: str = ""


@frozen(kw_only=True, slots=False)
class Moment:
    """An instant on both clocks, and the process that read them."""

    at: datetime
    mono: float
    runner: str


@frozen(kw_only=True)
class Claimed:
    """It is about to be sent."""

    when: Moment


@frozen(kw_only=True, slots=False)
class Answered:
    """Attempt number *attempt* ended."""

    when: Moment
    attempt: int
    outcome: Outcome
    reference_no: str = ""
    #: Code and message, or why there is none.
    said: str = ""


@frozen(kw_only=True, slots=False)
class Asked:
    """An inquiry that began at *when* ended."""

    when: Moment
    attempt: int
    finding: Finding
    #: In hundredths of a rupiah, None where the answer does not say.
    amount: int | None = None
    number: str | None = None
    said: str = ""


@frozen(kw_only=True)
class Noticed:
    """A verified payout notification arrived."""

    at: datetime
    notice: Notice
    amount: int | None = None
    number: str | None = None
    reference_no: str = ""
    #: When the provider says that it happened.
    happened_at: datetime | None = None
    said: str = ""


@frozen(kw_only=True)
class Crashed:
    """A new process found it in `sending`: the one that sent it is gone."""

    when: Moment


@frozen(kw_only=True)
class Settled:
    """A person says what became of it."""

    at: datetime
    state: State
    who: str
    note: str


Event = Claimed | Answered | Asked | Noticed | Crashed | Settled


@frozen(kw_only=True)
class Trust:
    """What is known about the inquiry."""

    #: It has found an accepted payout of these credentials in this ledger.
    proved: bool = False
    #: Why this job sends nothing again by itself, empty while it does.
    distrust: str = ""


@frozen(kw_only=True, slots=False)
class Transition:
    """Where the payout stands after a fact, and what else follows."""

    standing: Standing
    #: Why the job must pause; empty when it goes on.
    pause: str = ""
    #: The inquiry found an accepted payout, and so works.
    proves: bool = False
    #: Why the inquiry cannot be believed in this job any more.
    disproves: str = ""
    #: The reference was used by somebody else.
    elsewhere: bool = False
    #: The fact changed nothing, for this reason.
    ignored: str = ""


def changed(value: T, changes: dict[str, Any]) -> T:
    """Return *value*, of a class without slots, validators and converters, with *changes*: `attrs.evolve`, but fast."""
    made = object.__new__(type(value))
    made.__dict__.update(value.__dict__)
    made.__dict__.update(changes)
    return made


def is_inside_window(row: Standing, at: datetime, rules: Rules) -> bool:
    """Whether the provider still holds the reference of *row* for sure."""
    age = at - (row.first_sent_at or row.imported_at)
    return age < rules.window - rules.margin
