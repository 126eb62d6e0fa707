"""Errors: one root, and a text that says what happened, what became of the money, and what to do."""

import copy
import inspect
import pickle
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gopay_async import Money, errors
from gopay_async.api import CreatePayment, GiveReward, IssueToken, QueryPayment, QueryTransfer, TopUp
from gopay_async.errors import (
    BadSignature,
    ConfigurationError,
    Duplicate,
    GoPayError,
    InsufficientFunds,
    InvalidInput,
    InvalidKey,
    NotSent,
    OperationError,
    OutcomeUnknown,
    RateLimited,
    Received,
    Refused,
    SessionMisuse,
    SuspectedFraud,
    TokenRejected,
    TokenUnavailable,
    Unauthorized,
    Unavailable,
    Unreadable,
    WebhookError,
)
from gopay_async.operation import Answer, Endpoint, Operation, Retry

EVERY = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, GoPayError)]
TOP_UP = TopUp(
    partner_reference_no="payout-1",
    customer_number="6281773628883",
    customer_name="Siti Rahayu",
    amount=Money(25_000),
    notes="Payout April",
)
INQUIRY = QueryTransfer.of(TOP_UP, "7")
REWARD = GiveReward(amount=Money(1000), description="check-in")
READ = QueryPayment(original_reference_no="A1")
NOON = datetime(2024, 3, 19, 5, 0, tzinfo=UTC)


class Bind(Operation[Answer]):
    """A call that must never be repeated and has no inquiry."""

    endpoint = Endpoint(path="/bind", retry=Retry.NEVER, source="here")


class Generate(Operation[Answer]):
    """A call that must be asked about, by an inquiry that does not exist."""

    endpoint = Endpoint(path="/generate", retry=Retry.INQUIRE, source="here")


def said(code: str, message: str, status: int = 403) -> Received:
    """Return an answer with *code* and *message*."""
    return Received(status, code, message, b'{"responseMessage": "..."}')


# --- the tree ------------------------------------------------------------------------------------------------------


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn: list[tuple[int, str, str]] = []
    for line in str(errors.__doc__).splitlines():
        found = re.match(r"^([ \u2502\u251c\u2514\u2500]*)(\w+)(?: \((\w+)\))?", line)
        if found and hasattr(errors, found[2]):
            drawn.append((len(found[1]), found[2], found[3] or ""))
    parents: list[tuple[int, str]] = []
    for depth, name, other in drawn:
        parents = [one for one in parents if one[0] < depth]
        bases = {base.__name__ for base in getattr(errors, name).__bases__}
        expected = {parents[-1][1] if parents else "Exception"} | ({other} if other else set())
        assert bases == expected
        parents.append((depth, name))

    assert {name for _, name, _ in drawn} == {one.__name__ for one in EVERY}


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_says_in_one_line_what_it_is(kind: type[GoPayError]) -> None:
    assert kind.__doc__ is not None
    assert "\n" not in kind.__doc__.strip()


# --- texts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            NotSent(TOP_UP, "7", "no free connection within 5 s"),
            "TopUp 7: no free connection within 5 s. Nothing was sent and no money moved; it can be sent again.",
        ),
        (
            TokenUnavailable(TOP_UP, "7", "no access token"),
            "TopUp 7: no access token. "
            "Nothing was sent and no money moved; the cause says why no access token could be had.",
        ),
        (
            Refused(TOP_UP, "7", received=said("4033815", "Transaction Not Permitted.")),
            "TopUp 7: refused: 4033815 Transaction Not Permitted. (HTTP 403). "
            "No money moved. The same request will be refused again until its cause is mended.",
        ),
        (
            Refused(TOP_UP, "7", "our clock is 40 s slow", Received(401, "4013800", "Unauthorized")),
            "TopUp 7: refused: 4013800 Unauthorized (HTTP 401); our clock is 40 s slow. "
            "No money moved. The same request will be refused again until its cause is mended.",
        ),
        (
            Refused(TOP_UP, "7"),
            "TopUp 7: refused: no reason given. "
            "No money moved. The same request will be refused again until its cause is mended.",
        ),
        (
            InsufficientFunds(TOP_UP, "7", received=said("4033814", "Insufficient Funds")),
            "TopUp 7: refused: 4033814 Insufficient Funds (HTTP 403). "
            "No money moved. Fund the account, then send a new request.",
        ),
        (
            SuspectedFraud(REWARD, "7", received=said("4060", "Fraud validation error", 200)),
            "GiveReward 7: refused: 4060 Fraud validation error (HTTP 200). "
            "No money moved. Do not repeat; point the user to the provider's help.",
        ),
        (
            TokenRejected(TOP_UP, "7", received=said("4013801", "Invalid Token (B2B)", 401)),
            "TopUp 7: refused: 4013801 Invalid Token (B2B) (HTTP 401). "
            "Nothing was processed. Record the next external id, then send again: a new token will be fetched.",
        ),
        (
            Unauthorized(TOP_UP, "7", received=said("4013800", "Unauthorized", 401)),
            "TopUp 7: refused: 4013800 Unauthorized (HTTP 401). No money moved. "
            "Check the private key, the client secret, the client id and the clock; do not repeat.",
        ),
        (
            RateLimited(TOP_UP, "7", received=Received(429)),
            "TopUp 7: refused: no reason given (HTTP 429). Nothing was processed. Slow down, then send again.",
        ),
        (
            OutcomeUnknown(TOP_UP, "7", "the connection was lost", None, NOON, INQUIRY, NOON),
            "TopUp 7: outcome unknown: the connection was lost. The money may have moved. Do not send it again: "
            "ask with QueryTransfer (error.inquiry), not before 2024-03-19T05:00:00+00:00.",
        ),
        (
            OutcomeUnknown(TOP_UP, "7", "HTTP 500", said("5003801", "Internal Server Error", 500), NOON, INQUIRY),
            "TopUp 7: outcome unknown: HTTP 500 (5003801 Internal Server Error). The money may have moved. "
            "Do not send it again: ask with QueryTransfer (error.inquiry).",
        ),
        (
            Duplicate(TOP_UP, "7", "already held", said("4093801", "Duplicate", 409), NOON, INQUIRY),
            "TopUp 7: outcome unknown: already held (4093801 Duplicate). The money may have moved. "
            "Do not send it again: ask with QueryTransfer (error.inquiry).",
        ),
        (
            OutcomeUnknown(REWARD, "7", "no answer"),
            "GiveReward 7: outcome unknown: no answer. It may have been processed. There is no inquiry for it: "
            "send the same operation again with the same external_id, never with a new one.",
        ),
        (
            OutcomeUnknown(Bind(), "7", "no answer"),
            "Bind 7: outcome unknown: no answer. It may have been processed. There is no inquiry for it: "
            "a new try needs a new external_id.",
        ),
        (
            OutcomeUnknown(Generate(), "7", "no answer"),
            "Generate 7: outcome unknown: no answer. It may have been processed. "
            "Do not send it again before the provider has said what became of it.",
        ),
        (
            OutcomeUnknown(READ, "7", "no answer"),
            "QueryPayment 7: outcome unknown: no answer. Nothing changed; ask again.",
        ),
        (
            Unavailable(READ, "7", "HTTP 502"),
            "QueryPayment 7: no usable answer: HTTP 502. Nothing changed; ask again later.",
        ),
        (
            Unavailable(READ, "7", "HTTP 500", said("5005501", "Internal Server Error", 500)),
            "QueryPayment 7: no usable answer: HTTP 500 (5005501 Internal Server Error). "
            "Nothing changed; ask again later.",
        ),
        (OperationError(READ, "7", "why"), "QueryPayment 7: why."),
        (InvalidInput("amount", "is required"), "amount: is required"),
        (WebhookError("stale", "signed 7 h ago"), "stale: signed 7 h ago"),
    ],
)
def test_the_text_says_what_happened_what_it_means_and_what_to_do(error: GoPayError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize(
    "kind", [one for one in EVERY if issubclass(one, OperationError) and one is not OperationError]
)
def test_every_operation_error_says_what_became_of_the_money(kind: type[OperationError]) -> None:
    text = str(kind(TOP_UP, "7", "why"))

    assert any(words in text for words in MONEY)


MONEY = [
    "no money moved",
    "No money moved",
    "Nothing was processed",
    "may have been processed",
    "Nothing changed",
    "be found yet",
]


def test_the_repr_is_the_text() -> None:
    assert repr(NotSent(READ, "7", "why")).startswith("<NotSent: QueryPayment 7: why.")


# --- what came from the network cannot write into logs or terminals -------------------------------------------------

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \r\nFAKE LOG LINE \x00\x7f\x9b \u2028\u2029\u202e\ud800"
WITH_ANSWER: list[type[OperationError]] = [Refused, Duplicate, OutcomeUnknown, Unavailable, RateLimited]


@pytest.mark.parametrize("kind", WITH_ANSWER)
@pytest.mark.parametrize("received", [Received(403, HOSTILE, "said"), Received(403, "4033800", HOSTILE)])
def test_control_characters_of_an_answer_never_reach_the_text(kind: type[OperationError], received: Received) -> None:
    text = str(kind(TOP_UP, "7", "why", received))

    assert text.isprintable()
    assert "FAKE LOG LINE" in text


@given(st.text(max_size=300), st.text(max_size=60))
@settings(deadline=None)
def test_no_answer_makes_the_text_unprintable(message: str, code: str) -> None:
    assert str(Refused(TOP_UP, "7", received=Received(400, code, message))).isprintable()


def test_a_long_message_is_cut_in_the_text_and_kept_in_the_attribute() -> None:
    error = Refused(TOP_UP, "7", received=said("4003800", "x" * 5000))

    assert len(str(error)) < 400
    assert error.message == "x" * 5000


# --- attributes ----------------------------------------------------------------------------------------------------


def test_an_error_carries_what_a_support_ticket_needs() -> None:
    error = Refused(TOP_UP, "7", "why", Received(403, "4033815", "Not Permitted", b"raw", 3.0))

    assert (error.operation, error.external_id, error.reason) == (TOP_UP, "7", "why")
    assert (error.status, error.code, error.message, error.raw) == (403, "4033815", "Not Permitted", b"raw")


def test_an_error_without_an_answer_has_empty_attributes() -> None:
    error = NotSent(TOP_UP, "7", "why")

    assert (error.status, error.code, error.message, error.raw) == (None, "", "", b"")


@pytest.mark.parametrize(
    ("received", "seconds"), [(Received(429, retry_after=3.0), 3.0), (Received(429), None), (None, None)]
)
def test_a_rate_limit_says_how_long_to_wait(received: Received | None, seconds: float | None) -> None:
    assert RateLimited(TOP_UP, "7", received=received).retry_after == seconds


@pytest.mark.parametrize(
    "error",
    [
        *(kind(TOP_UP, "7", "why", said("4033814", "said")) for kind in EVERY if issubclass(kind, OperationError)),
        OutcomeUnknown(TOP_UP, "7", "why", said("5003801", "said", 500), NOON, INQUIRY, NOON),
        Duplicate(TOP_UP, "7", "why", None, NOON, INQUIRY, None),
        InvalidInput("amount", "is required"),
        WebhookError("stale", "signed 7 h ago"),
        errors.MissingHeader("missing_header", "X-TIMESTAMP"),
        Unreadable("not JSON"),
        errors.BadRows("2 rows", ("a", "b")),
        *(kind("text") for kind in (GoPayError, ConfigurationError, InvalidKey, SessionMisuse, BadSignature)),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_every_error_survives_pickling(error: GoPayError, copied: Any) -> None:
    found = copied(error)

    assert (type(found), str(found), found.args) == (type(error), str(error), error.args)


def test_an_unknown_outcome_is_ready_for_its_inquiry_after_pickling() -> None:
    error = OutcomeUnknown(TOP_UP, "7", "why", None, NOON, INQUIRY, NOON)
    found = pickle.loads(pickle.dumps(error))

    assert (found.operation, found.inquiry, found.sent_at, found.ask_after) == (TOP_UP, INQUIRY, NOON, NOON)


def test_errors_are_equal_to_themselves_only() -> None:
    error = NotSent(TOP_UP, "7", "why")

    assert error != NotSent(TOP_UP, "7", "why")
    assert {error}


def test_personal_data_of_the_operation_is_in_no_text() -> None:
    text = str(OutcomeUnknown(TOP_UP, "7", "why", None, NOON, INQUIRY)) + repr(NotSent(TOP_UP, "7", "why"))

    assert not any(planted in text for planted in ("Siti", "6281773628883", "Payout April"))


def test_every_kind_of_call_knows_what_to_say_without_an_inquiry() -> None:
    calls: list[Operation[Any]] = [REWARD, Bind(), Generate(), READ, IssueToken()]

    assert {call.endpoint.retry for call in calls} == set(Retry)
    assert all(str(OutcomeUnknown(call, "7", "why")) for call in calls)


def test_a_payment_names_the_query_that_settles_it() -> None:
    payment = CreatePayment(partner_reference_no="order-1", amount=Money(10_000))

    assert payment.inquiry("7") == QueryPayment(original_external_id="7")
