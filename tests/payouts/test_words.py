"""What the command line says about money, in words."""

from pathlib import Path

import pytest
from attrs import evolve

from gopay_async.cli.payouts_words import DEFAULT_LEDGER, advice, command, plural, span, todo
from gopay_async.payouts import Account, Job, State

from .facts import START

JOB = Job(
    id="0123456789abcdef" * 4,
    name="march.csv",
    account=Account("SANDBOX", "G1"),
    account_id=1,
    imported_at=START,
    rows=3,
    total=3_000_000,
)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("4033814 Insufficient Funds", "Fund the payout account."),
        ("4033806 Feature Not Allowed At This Time", "try again later"),
        ("4033801 Feature Not Allowed", "let these credentials send top-ups"),
        ("4223802 Merchant Not Allowed", "let these credentials send top-ups"),
        ("4043808 Invalid Merchant", "GOPAY_PARTNER_ID"),
        ("4013800 Unauthorized", "private key"),
        ("no access token (...)", "the address, the network and the credentials"),
        ("pay-1 is not sent: it is older than the window in which ...", "settle it as failed"),
        ("20 unknown outcomes in a row", "at the provider"),
        ("10 references in a row were used elsewhere", "who else uses these references"),
        ("20 attempts in a row did not get through", "the network"),
        ("the clock was set back by 1:00:00: ...", "Set the clock"),
        ("something new", "Mend the cause."),
    ],
)
def test_every_reason_to_pause_has_an_advice(reason: str, words: str) -> None:
    assert words in advice(reason)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (99, "99 s"),
        (100, "1 min"),
        (600, "10 min"),
        (5_999, "99 min"),
        (9_000, "2 h 30 min"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_one_row_is_one_row() -> None:
    assert (plural(1, "row"), plural(0, "row"), plural(2, "row")) == ("1 row", "0 rows", "2 rows")


def test_a_command_can_be_pasted_into_a_shell() -> None:
    there = command("resume", JOB, "--credentials", "my secrets.env", ledger=Path("my ledger.db"))

    assert there == "gopay-async payouts resume 0123456789ab --credentials 'my secrets.env' --ledger 'my ledger.db'"
    assert command("status", JOB, ledger=DEFAULT_LEDGER) == "gopay-async payouts status 0123456789ab"


@pytest.mark.parametrize(
    ("planned", "words"), [(1, " 1 payout waits to be sent."), (2, " 2 payouts wait to be sent."), (0, "")]
)
def test_a_pause_says_how_much_was_not_sent(planned: int, words: str) -> None:
    counts = {State.PLANNED: (planned, 1)} if planned else {}

    (said,) = todo(evolve(JOB, paused="4033814 Insufficient Funds"), counts, DEFAULT_LEDGER)

    assert said == f"Paused: 4033814 Insufficient Funds.{words} Fund the payout account. Then resume."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.DISPUTED, ["Disputed: see what happened"]),
        (State.FAILED, ["What was refused, failed or returned"]),
        (State.RETURNED, ["What was refused, failed or returned"]),
        (State.REFUSED, ["What was refused, failed or returned"]),
        (State.PAID, []),
        (State.ACCEPTED, []),
    ],
)
def test_what_is_a_persons_to_do_is_said(state: State, words: list[str]) -> None:
    found = list(todo(JOB, {state: (1, 100)}, DEFAULT_LEDGER))

    assert [one[: len(two)] for one, two in zip(found, words, strict=True)] == words
