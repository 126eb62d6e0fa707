"""What answers and errors of the session say to the plan."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gopay_async.api import TopUpAccepted, TransferState
from gopay_async.errors import (
    ConfigurationError,
    Duplicate,
    GoPayError,
    InsufficientFunds,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Received,
    Refused,
    SessionMisuse,
    TokenRejected,
    TokenUnavailable,
    Unauthorized,
    Unavailable,
)
from gopay_async.models import Money, TransactionStatus
from gopay_async.payouts.inbox import read_notice
from gopay_async.payouts.outcomes import answered, asked, entry, noticed, outcome_of, words
from gopay_async.payouts.plan import Finding, Notice, Outcome
from gopay_async.payouts.records import Payout

from .facts import AMOUNT, NUMBER, moment, standing
from .world import top_up

TOP_UP = top_up("pay-1")


def error(kind: type[Any], code: str = "", *, reason: str = "", message: str = "said") -> Any:
    """Return an error of *kind* that came with *code*; without one nothing came back."""
    received = Received(int(code[:3]), code, message) if code else None
    return kind(TOP_UP, "7", reason, received)


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (error(OutcomeUnknown, "5003800"), Outcome.UNKNOWN),
        (error(OutcomeUnknown), Outcome.UNKNOWN),
        (error(Duplicate, "4093801"), Outcome.HELD),
        # The same X-EXTERNAL-ID twice says nothing about the reference.
        (error(Duplicate, "4093800"), Outcome.UNKNOWN),
        (error(OutcomeUnknown, "4093801"), Outcome.UNKNOWN),
        (error(NotSent), Outcome.NOT_SENT),
        (error(TokenUnavailable), Outcome.NO_TOKEN),
        (error(TokenRejected, "4013801"), Outcome.TOKEN_REJECTED),
        (error(RateLimited, "4293800"), Outcome.RATE_LIMITED),
        (error(Refused, "4003801"), Outcome.REFUSED),
        (error(Refused, "4033802"), Outcome.REFUSED),
        (error(Refused), Outcome.REFUSED),
        (error(Refused, "403381"), Outcome.REFUSED),
        (error(InsufficientFunds, "4033814"), Outcome.STOPPED),
        (error(Refused, "4033806"), Outcome.STOPPED),
        (error(Refused, "4033801"), Outcome.STOPPED),
        (error(Refused, "4043808"), Outcome.STOPPED),
        (error(Refused, "4223802"), Outcome.STOPPED),
        (error(Unauthorized, "4013800"), Outcome.STOPPED),
        (error(Unavailable, "5003800"), Outcome.UNKNOWN),
        (SessionMisuse("closed"), Outcome.NOT_SENT),
        (ConfigurationError("no key"), Outcome.NOT_SENT),
    ],
)
def test_an_error_says_one_thing_about_the_attempt(raised: GoPayError, outcome: Outcome) -> None:
    assert outcome_of(raised) is outcome
    assert answered(raised, attempt=3, when=moment(1)).outcome is outcome


def test_an_answer_brings_the_providers_reference() -> None:
    fact = answered(TopUpAccepted(reference_no="A1"), attempt=3, when=moment(1))

    assert (fact.outcome, fact.reference_no, fact.said) == (Outcome.ACCEPTED, "A1", "accepted")
    assert (fact.attempt, fact.when) == (3, moment(1))
    assert answered(TopUpAccepted(), attempt=3, when=moment(1)).reference_no == ""


def test_an_error_brings_its_words() -> None:
    fact = answered(error(Refused, "4003801"), attempt=3, when=moment(1))

    assert (fact.said, fact.attempt, fact.when, fact.reference_no) == ("4003801 said", 3, moment(1), "")


# --- inquiries -------------------------------------------------------------------------------------------------------


def state(status: str, **more: Any) -> TransferState:
    return TransferState(**{"latest_transaction_status": TransactionStatus(status), "response_code": "2003600", **more})


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        ("00", Finding.PAID),
        ("01", Finding.UNDER_WAY),
        ("02", Finding.UNDER_WAY),
        ("03", Finding.UNDER_WAY),
        ("04", Finding.RETURNED),
        ("05", Finding.FAILED),
        ("06", Finding.FAILED),
        ("07", Finding.NOT_FOUND),
        ("08", Finding.NOTHING),
        ("", Finding.NOTHING),
        ("0", Finding.NOTHING),
    ],
)
def test_a_status_is_a_finding(status: str, finding: Finding) -> None:
    fact = asked(state(status), attempt=2, when=moment(1))

    assert (fact.finding, fact.attempt, fact.when) == (finding, 2, moment(1))
    assert fact.said.startswith(f"status {status}".rstrip())


@pytest.mark.parametrize(
    ("raised", "finding"),
    [
        (error(NotFound, "4043601"), Finding.NOT_FOUND),
        (error(Refused, "4043602"), Finding.NOTHING),
        (error(Unavailable, "5003600"), Finding.NOTHING),
        (error(Unavailable), Finding.NOTHING),
    ],
)
def test_no_other_error_than_not_found_is_a_finding(raised: GoPayError, finding: Finding) -> None:
    fact = asked(raised, attempt=2, when=moment(1))

    assert (fact.finding, fact.attempt, fact.when, fact.said) == (finding, 2, moment(1), words(raised))


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ({"customerNumber": "6281"}, "6281"),
        ({"beneficiaryAccountNo": "6281"}, "6281"),
        ({"beneficiary_account": "6281"}, "6281"),
        ({"customer_number": "6281"}, "6281"),
        ({"additionalInfo": {"customerNumber": "6281"}}, "6281"),
        ({"customerNumber": "", "additionalInfo": {"customerNumber": "6282"}}, "6282"),
        ({"customerNumber": 6281}, None),
        ({"additionalInfo": "6281"}, None),
        ({"account": "6281"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_the_payees_number_is_found_where_answers_have_it(raw: Any, number: str | None) -> None:
    assert asked(state("00", raw=raw), attempt=1, when=moment(1)).number == number


@pytest.mark.parametrize(("amount", "sen"), [(Money("10000.01"), 1_000_001), (None, None)])
def test_an_amount_is_in_hundredths(amount: Money | None, sen: int | None) -> None:
    assert asked(state("00", amount=amount), attempt=1, when=moment(1)).amount == sen


# --- notifications ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "notice"),
    [
        ("approved", Notice.ACCEPTED),
        ("processed", Notice.ACCEPTED),
        ("completed", Notice.COMPLETED),
        ("rejected", Notice.FAILED),
        ("failed", Notice.FAILED),
        ("topup", Notice.OTHER),
        ("", Notice.OTHER),
    ],
)
def test_a_notification_is_taken_at_its_word(word: str, notice: Notice) -> None:
    body = (
        f'{{"reference_no": "A1", "partner_reference_no": "pay-1", "amount": "10000.00", "status": "{word}",'
        ' "beneficiary_account": "6281", "updated_at": "2026-11-20T12:00:00Z", "error_code": "001",'
        ' "error_message": "inactive"}'
    )

    fact = noticed(read_notice(body), at=moment(1).at)

    assert (fact.notice, fact.at, fact.amount, fact.number) == (notice, moment(1).at, 1_000_000, "6281")
    assert (fact.reference_no, fact.happened_at) == ("A1", datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert fact.said == f"{word} 001 inactive".strip()


def test_a_long_word_of_the_provider_is_cut() -> None:
    body = f'{{"reference_no": "A1", "status": "failed", "error_message": "{"x" * 300}"}}'

    assert len(noticed(read_notice(body), at=moment(1).at).said) == 200


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (error(Refused, "4033802", reason="the code is refused"), "4033802 said"),
        (error(OutcomeUnknown, "5003800", reason="the server failed"), "5003800 said; the server failed"),
        (error(NotSent, reason="no route"), "no route"),
        (error(Refused, reason="it is a 400"), "it is a 400"),
        (error(Refused, "4003801", message="two\nlines\x1b[31m"), "4003801 two lines [31m"),
        (error(Unavailable), "Unavailable"),
        (SessionMisuse("closed"), "closed"),
        (SessionMisuse("x" * 300), "x" * 200),
        (error(Refused, "4003801", message="x" * 300), f"4003801 {'x' * 192}"),
    ],
)
def test_an_error_in_one_line(raised: GoPayError, text: str) -> None:
    assert words(raised) == text


# --- events ----------------------------------------------------------------------------------------------------------

PAYOUT = Payout(
    id=1,
    job="d" * 64,
    line=2,
    reference="pay-1",
    number=NUMBER,
    name="Siti",
    amount=AMOUNT,
    notes="Cashback",
    email=None,
    provider="gopay",
    external_id="9",
    alike=standing(attempt=4),
)


@pytest.mark.parametrize(
    ("result", "status", "code", "external_id", "said"),
    [
        (error(Refused, "4033802"), 403, "4033802", "7", "4033802 said"),
        (error(NotSent, reason="no route"), None, "", "7", "no route"),
        (SessionMisuse("closed"), None, "", "9", "closed"),
        (TopUpAccepted(response_code="2023800", external_id="8"), 202, "2023800", "8", ""),
        (TopUpAccepted(response_code="odd"), None, "odd", "9", ""),
        (TopUpAccepted(response_code="202"), 202, "202", "9", ""),
        (TopUpAccepted(response_code="202-38"), 202, "202-38", "9", ""),
        (None, None, "", "9", ""),
    ],
)
def test_an_event_holds_what_a_support_ticket_needs(
    result: Any, status: int | None, code: str, external_id: str, said: str
) -> None:
    found = entry(PAYOUT, moment(1), "answered", "refused", result)

    assert (found.http_status, found.code, found.external_id, found.said) == (status, code, external_id, said)
    assert (found.at, found.kind, found.attempt, found.outcome) == (moment(1).at, "answered", 4, "refused")
