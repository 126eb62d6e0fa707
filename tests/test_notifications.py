"""Notifications as values: what they say, what tells two of them apart, and what stays out of sight."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest

from gopay_async import Money
from gopay_async.api import (
    NOTIFICATIONS,
    DebitNotification,
    LinkingNotification,
    Notification,
    PayoutNotification,
    QrisNotification,
    Unrecognised,
)
from gopay_async.wire import structure

ONE = {"refundNo": "R1", "refundStatus": "00", "refundAmount": {"value": "10.00", "currency": "IDR"}}
TWO = {"refundNo": "R2", "refundStatus": "06", "refundAmount": {"value": "5.00", "currency": "IDR"}}
PAID = {
    "originalReferenceNo": "A1",
    "latestTransactionStatus": "00",
    "amount": {"value": "100.00", "currency": "IDR"},
}
LINK = {"additionalInfo": {"accessToken": "customer-token", "accountStatus": "ENABLED", "merchantId": "G1"}}
PAYOUT = {
    "reference_no": "558r",
    "partner_reference_no": "payout-1",
    "amount": "100000.00",
    "status": "completed",
    "updated_at": "2022-03-04T08:05:11Z",
}
TOKEN_HASH = sha256(b"customer-token").hexdigest()


def received(kind: type[Any], body: dict[str, Any], **local: Any) -> Any:
    return structure(kind, body, raw=body, body=json.dumps(body).encode(), **local)


def refunded(*refunds: dict[str, Any]) -> dict[str, Any]:
    return {**PAID, "latestTransactionStatus": "04", "additionalInfo": {"refundHistory": list(refunds)}}


@pytest.mark.parametrize(
    ("kind", "body", "identity"),
    [
        (DebitNotification, PAID, ("debit", "A1", "00", "100.00")),
        (QrisNotification, PAID, ("qris", "A1", "00", "100.00")),
        (
            DebitNotification,
            refunded(TWO, ONE),
            ("debit", "A1", "04", "100.00", "R1", "00", "10.00", "R2", "06", "5.00"),
        ),
        (QrisNotification, refunded({"refundNo": "R1"}), ("qris", "A1", "04", "100.00", "R1", "", "")),
        (
            DebitNotification,
            {"originalReferenceNo": "A1", "latestTransactionStatus": "00"},
            ("debit", "A1", "00", ""),
        ),
        (LinkingNotification, LINK, ("linking", TOKEN_HASH, "ENABLED", "77")),
        (PayoutNotification, PAYOUT, ("payout", "558r", "completed", "2022-03-04 08:05:11+00:00", "100000.00")),
    ],
)
def test_the_identity_is_what_happened(kind: type[Notification], body: dict[str, Any], identity: Sequence[str]) -> None:
    assert received(kind, body, external_id="77").identity == identity


@pytest.mark.parametrize(
    ("kind", "body"), [(DebitNotification, PAID), (QrisNotification, PAID), (PayoutNotification, PAYOUT)]
)
def test_a_repeat_under_another_external_id_is_the_same_event(kind: type[Notification], body: dict[str, Any]) -> None:
    """Q-NOT-7."""
    assert received(kind, body, external_id="1").identity == received(kind, body, external_id="2").identity


@pytest.mark.parametrize(
    "spelling",
    [
        "2022-03-04T15:05:11+07:00",
        "2022-03-04T15:05:11+0700",
        "2022-03-04 15:05:11",
        "2022-03-04T08:05:11z",
        "2022-03-04T08:05:11.000Z",
        "2022-03-04T08:05:11-00:00",
        "20220303T230511-0900",
    ],
)
def test_a_payout_repeated_in_another_spelling_of_its_time_is_the_same_event(spelling: str) -> None:
    repeat = received(PayoutNotification, {**PAYOUT, "updated_at": spelling})

    assert (repeat.unread, repeat.identity) == ((), received(PayoutNotification, PAYOUT).identity)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+07:00", "9999-12-31T23:59:59-07:00"])
def test_a_time_that_has_no_date_in_utc_still_tells_two_payouts_apart(time: str) -> None:
    edge = received(PayoutNotification, {**PAYOUT, "updated_at": time})

    assert edge.identity == ("payout", "558r", "completed", time.replace("T", " "), "100000.00")


def test_an_account_that_is_linked_again_is_another_event() -> None:
    first, second = (received(LinkingNotification, LINK, external_id=number).identity for number in "12")

    assert first != second


@pytest.mark.parametrize(
    ("kind", "body", "changes"),
    [
        (DebitNotification, PAID, {"originalReferenceNo": "A2"}),
        (DebitNotification, PAID, {"latestTransactionStatus": "05"}),
        (DebitNotification, PAID, {"amount": {"value": "100.01", "currency": "IDR"}}),
        (DebitNotification, refunded(ONE), {"additionalInfo": {"refundHistory": [ONE, TWO]}}),
        (DebitNotification, refunded(ONE), {"additionalInfo": {"refundHistory": [{**ONE, "refundStatus": "06"}]}}),
        (QrisNotification, PAID, {"latestTransactionStatus": "04"}),
        (PayoutNotification, PAYOUT, {"status": "failed"}),
        (PayoutNotification, PAYOUT, {"updated_at": "2022-03-04T08:05:12Z"}),
        (PayoutNotification, PAYOUT, {"amount": "100001"}),
    ],
)
def test_another_event_has_another_identity(
    kind: type[Notification], body: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert received(kind, body).identity != received(kind, {**body, **changes}).identity


@pytest.mark.parametrize(
    ("kind", "body", "first", "second"),
    [
        (DebitNotification, PAID, {"amount": "a lot"}, {"amount": "much"}),
        (DebitNotification, PAID, {"additionalInfo": {"refundHistory": 1}}, {"additionalInfo": {"refundHistory": 2}}),
        (QrisNotification, PAID, refunded({**ONE, "refundAmount": 0.1}), refunded({**ONE, "refundAmount": "much"})),
        (PayoutNotification, PAYOUT, {"updated_at": "today"}, {"updated_at": "yesterday"}),
    ],
)
def test_what_cannot_be_read_never_makes_two_events_one(
    kind: type[Notification], body: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert received(kind, {**body, **first}).identity != received(kind, {**body, **second}).identity


def test_an_event_that_is_not_recognised_is_known_by_its_bytes() -> None:
    notification = Unrecognised(body=b'{"a":1}', external_id="1")

    assert notification.identity == ("unrecognised", sha256(b'{"a":1}').hexdigest())


def test_an_identity_is_text_that_every_store_can_hold() -> None:
    odd = received(DebitNotification, {**PAID, "originalReferenceNo": "A\ud800"})

    assert "".join(odd.identity).encode() == b"debitA\\ud80000100.00"


def test_every_kind_has_a_word_of_its_own() -> None:
    assert {one.kind for one in NOTIFICATIONS} == {"debit", "qris", "linking", "payout"}


def test_the_customer_token_is_in_no_repr_and_no_identity() -> None:
    """Q-NOT-8."""
    notification = received(LinkingNotification, LINK, external_id="1")

    assert notification.access_token == "customer-token"
    assert "customer-token" not in repr(notification) + "".join(notification.identity)


@pytest.mark.parametrize(
    ("status", "linked", "unlinked"),
    [("ENABLED", True, False), ("enabled", True, False), ("DISABLED", False, True), ("PENDING", False, False)],
)
def test_a_link_is_linked_unlinked_or_neither(status: str, linked: bool, unlinked: bool) -> None:
    notification = LinkingNotification(access_token="t", account_status=status)

    assert (notification.is_linked, notification.is_unlinked) == (linked, unlinked)


@pytest.mark.parametrize("kind", [DebitNotification, QrisNotification])
def test_the_status_is_the_latest_one(kind: type[Any]) -> None:
    assert received(kind, PAID).status.is_paid


@pytest.mark.parametrize("parties", [{"issuerName": "gopay"}, [{"issuerName": "gopay"}]], ids=["object", "list"])
def test_the_parties_of_qris_are_read_as_object_and_as_list(parties: object) -> None:
    """Q-FLD-10."""
    notification = received(QrisNotification, {**PAID, "additionalInfo": {"qris": parties}})

    assert [one.issuer_name for one in notification.qris] == ["gopay"]


@pytest.mark.parametrize("name", ["externalStoreID", "externalStoreId"])
def test_the_store_is_read_in_both_spellings(name: str) -> None:
    """Q-FLD-11."""
    assert received(QrisNotification, {**PAID, name: "store-1"}).external_store_id == "store-1"


@pytest.mark.parametrize("amount", ["10000", "10000.0", "10000.00"])
def test_the_amount_of_a_payout_is_read_in_all_its_spellings(amount: str) -> None:
    """Q-AMT-1."""
    assert received(PayoutNotification, {**PAYOUT, "amount": amount}).amount == Money(10_000)


def test_money_for_the_merchants_own_balance_is_read_under_its_other_names() -> None:
    notification = received(
        PayoutNotification,
        {
            "transaction_id": "T1",
            "order_id": "O1",
            "gross_amount": "5000.00",
            "status": "topup",
            "transaction_time": "2022-03-04 08:05:11",
        },
    )

    assert notification.status.is_balance_top_up
    assert not notification.status.is_paid
    assert (notification.reference_no, notification.amount) == ("T1", Money(5_000))


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        (DebitNotification, "2005600"),
        (QrisNotification, "2005200"),
        (LinkingNotification, "2008800"),
        (PayoutNotification, ""),
    ],
)
def test_each_kind_is_acknowledged_in_its_own_way(kind: type[Notification], accepted: str) -> None:
    assert kind.endpoint.accepted == accepted
