"""States move forward only."""

import json
from typing import Any

import pytest

from gopay_async.webhooks import (
    DebitNotification,
    LinkingNotification,
    Move,
    PayoutNotification,
    Progress,
    QrisNotification,
    Unrecognised,
)
from gopay_async.webhooks.progress import may_follow
from gopay_async.webhooks.typed import build
from tests.webhooks.events import body, notification


def payment(status: str, kind: Any = DebitNotification, **info: Any) -> Any:
    return build(kind, json.loads(body(status, **info)))


def refunded(*numbers: str) -> Any:
    history = [{"refundNo": one, "refundStatus": "00"} for one in numbers]
    return payment("04", refundHistory=history)


def payout(status: str) -> Any:
    return build(PayoutNotification, {"reference_no": "p", "status": status})


def linking(status: str) -> Any:
    return build(LinkingNotification, {"additionalInfo": {"accessToken": "t", "accountStatus": status}})


@pytest.mark.parametrize(
    ("first", "then", "status", "move"),
    [
        ("00", "03", "00", Move.LATE),
        ("00", "04", "04", Move.APPLIED),
        ("03", "00", "00", Move.APPLIED),
        ("01", "00", "00", Move.APPLIED),
        ("03", "08", "08", Move.APPLIED),
        ("00", "00", "00", Move.LATE),
        ("04", "00", "04", Move.LATE),
        ("04", "03", "04", Move.LATE),
        ("08", "00", "08", Move.UNCLEAR),
        ("00", "05", "00", Move.UNCLEAR),
        ("05", "06", "05", Move.UNCLEAR),
        ("00", "42", "00", Move.UNCLEAR),
        ("00", "07", "00", Move.UNCLEAR),
        ("06", "03", "06", Move.LATE),
        ("00", "settlement", "00", Move.LATE),
    ],
)
@pytest.mark.parametrize("kind", [DebitNotification, QrisNotification])
def test_a_payment_moves_forward(first: str, then: str, status: str, move: Move, kind: Any) -> None:
    known, applied = Progress().after(payment(first, kind))
    found, what = known.after(payment(then, kind))

    assert (applied, found.status, what) == (Move.APPLIED, status, move)


def test_a_second_partial_refund_is_news_and_its_repeat_is_not() -> None:
    state = Progress("00")
    moves = []
    for one in (refunded("r1"), refunded("r1", "r2"), refunded("r1"), refunded("r2", "r1")):
        state, move = state.after(one)
        moves.append(move)

    assert moves == [Move.APPLIED, Move.APPLIED, Move.LATE, Move.LATE]
    assert state.refunds == frozenset({"r1/00/", "r2/00/"})


@pytest.mark.parametrize(
    ("first", "then", "status", "move"),
    [
        ("approved", "completed", "completed", Move.APPLIED),
        ("completed", "failed", "failed", Move.APPLIED),
        ("completed", "processed", "completed", Move.LATE),
        ("failed", "completed", "failed", Move.LATE),
        ("rejected", "completed", "rejected", Move.UNCLEAR),
        ("completed", "COMPLETED", "completed", Move.LATE),
    ],
)
def test_a_payout_moves_forward_and_may_still_fail(first: str, then: str, status: str, move: Move) -> None:
    found, what = Progress(first).after(payout(then))

    assert (found.status, what) == (status, move)


def test_an_unlinked_account_stays_unlinked() -> None:
    linked, _ = Progress().after(linking("ENABLED"))
    unlinked, move = linked.after(linking("DISABLED"))

    assert (move, unlinked.after(linking("ENABLED"))) == (Move.APPLIED, (unlinked, Move.LATE))


def test_what_is_not_recognised_changes_nothing() -> None:
    assert Progress("00").after(Unrecognised()) == (Progress("00"), Move.UNCLEAR)


def test_a_notification_of_a_real_delivery_is_taken() -> None:
    assert Progress().after(notification("00"))[1] is Move.APPLIED


def test_what_may_follow_is_the_same_table() -> None:
    assert [may_follow("00", "04"), may_follow("04", "00"), may_follow("99", "00")] == [True, False, False]
