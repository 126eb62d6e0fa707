"""Answers and errors of the session as words of the plan.  Pure; knows no ledger."""

from datetime import datetime
from typing import Any, Final

from ..api import PayoutNotification, TopUpAccepted, TransferState
from ..codes import ResponseCode
from ..errors import (
    Duplicate,
    GoPayError,
    NotFound,
    NotSent,
    OperationError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TokenRejected,
    TokenUnavailable,
)
from ..models import Money
from ..operation import Answer
from .plan import Answered, Asked, Finding, Moment, Notice, Noticed, Outcome
from .records import Happened, Payout

#: (HTTP status, case) of refusals that are not about one payout: the whole job would meet them.
STOPS: Final = frozenset({(403, "14"), (403, "06"), (403, "01"), (404, "08"), (422, "02"), (401, "00")})
#: latestTransactionStatus of the inquiries.
_STATUSES: Final = {
    "00": Finding.PAID,
    "01": Finding.UNDER_WAY,
    "02": Finding.UNDER_WAY,
    "03": Finding.UNDER_WAY,
    "04": Finding.RETURNED,
    "05": Finding.FAILED,
    "06": Finding.FAILED,
    "07": Finding.NOT_FOUND,
}
_WORDS: Final = {
    "approved": Notice.ACCEPTED,
    "processed": Notice.ACCEPTED,
    "completed": Notice.COMPLETED,
    "rejected": Notice.FAILED,
    "failed": Notice.FAILED,
}


def outcome_of(error: GoPayError) -> Outcome:
    """Return what *error*, raised for a top-up, says about it."""
    if isinstance(error, OutcomeUnknown):
        return Outcome.HELD if isinstance(error, Duplicate) and _case(error) == (409, "01") else Outcome.UNKNOWN
    for kind, outcome in _OUTCOMES:
        if isinstance(error, kind):
            return outcome
    if isinstance(error, Refused):
        return Outcome.STOPPED if _case(error) in STOPS else Outcome.REFUSED
    # What is left is raised before any network: a session that is not open, credentials that lack something.
    return Outcome.UNKNOWN if isinstance(error, OperationError) else Outcome.NOT_SENT


_OUTCOMES: Final[tuple[tuple[type[GoPayError], Outcome], ...]] = (
    (TokenUnavailable, Outcome.NO_TOKEN),
    (NotSent, Outcome.NOT_SENT),
    (TokenRejected, Outcome.TOKEN_REJECTED),
    (RateLimited, Outcome.RATE_LIMITED),
)


def _case(error: OperationError) -> tuple[int, str]:
    code = ResponseCode.parse(error.code)
    return (code.status, code.case) if code else (0, "")


def answered(result: "TopUpAccepted | GoPayError", *, attempt: int, when: Moment) -> Answered:
    """Return the fact that a top-up ended with *result*."""
    if isinstance(result, GoPayError):
        return Answered(when=when, attempt=attempt, outcome=outcome_of(result), said=words(result))
    return Answered(
        when=when, attempt=attempt, outcome=Outcome.ACCEPTED, reference_no=result.reference_no or "", said="accepted"
    )


def asked(result: "TransferState | GoPayError", *, attempt: int, when: Moment) -> Asked:
    """Return the fact that an inquiry, begun at *when*, ended with *result*."""
    if isinstance(result, NotFound):
        return Asked(when=when, attempt=attempt, finding=Finding.NOT_FOUND, said=words(result))
    if isinstance(result, GoPayError):
        return Asked(when=when, attempt=attempt, finding=Finding.NOTHING, said=words(result))
    return Asked(
        when=when,
        attempt=attempt,
        finding=_STATUSES.get(result.status.code, Finding.NOTHING),
        amount=_sen(result.amount),
        number=_number(result.raw),
        said=f"status {result.status}",
    )


def noticed(one: PayoutNotification, *, at: datetime) -> Noticed:
    """Return the fact that the verified notification *one* arrived."""
    return Noticed(
        at=at,
        notice=_WORDS.get(one.status.word, Notice.OTHER),
        amount=_sen(one.amount),
        number=_number(one.raw),
        reference_no=one.reference_no,
        happened_at=one.updated_at,
        said=" ".join(part for part in (one.status.word, one.error_code, one.error_message) if part)[:200],
    )


def _sen(amount: Money | None) -> int | None:
    return None if amount is None else int(amount.value * 100)


def _number(raw: Any) -> str | None:
    """Return the beneficiary's number where the answer names it, which no page documents."""
    places = (raw, raw.get("additionalInfo")) if isinstance(raw, dict) else ()
    names = ("customerNumber", "beneficiaryAccountNo", "beneficiary_account", "customer_number")
    found = (place.get(name) for place in places if isinstance(place, dict) for name in names)
    return next((one for one in found if isinstance(one, str) and one), None)


def words(error: GoPayError) -> str:
    """Return code, message and reason in one line, without advice."""
    if not isinstance(error, OperationError):
        return str(error)[:200]
    said = " ".join(part for part in (error.code, error.message) if part)
    reason = error.reason if not said or not isinstance(error, Refused) else ""
    text = "; ".join(part for part in (said, reason) if part) or type(error).__name__
    return "".join(char if char.isprintable() else " " for char in text)[:200]


def entry(payout: Payout, when: Moment, kind: str, outcome: str, result: Answer | GoPayError | None) -> Happened:
    """Return the event of the ledger for *result*, None when there is not even an error."""
    received = result.received if isinstance(result, OperationError) else None
    code = result.response_code if isinstance(result, Answer) else ""
    return Happened(
        at=when.at,
        kind=kind,
        attempt=payout.alike.attempt,
        external_id=getattr(result, "external_id", "") or payout.external_id,
        http_status=received.status if received else (int(code[:3]) if code[:3].isdecimal() else None),
        code=received.code if received else code,
        outcome=outcome,
        said=words(result) if isinstance(result, GoPayError) else "",
    )
