"""The provider is asked: to confirm a notification, and for payments whose notification never came."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import define, field, frozen

from gopay_async import Environment, GoPaySession, InvalidInput, Money, new_external_id
from gopay_async.api import CreatePayment, PaymentState, QueryPayment, QueryQris, QueryTransfer, TransferState
from gopay_async.errors import NotConfirmed, Unavailable
from gopay_async.models import TransactionStatus
from gopay_async.simulator import Simulator
from gopay_async.webhooks import (
    DebitNotification,
    LinkingNotification,
    PayoutNotification,
    QrisNotification,
    confirm,
    sweep,
)
from gopay_async.webhooks.typed import build
from tests.webhooks.events import notification

TEN_THOUSAND = Money(10_000)


@define
class Provider:
    """Answers every inquiry with one state, and remembers what was asked."""

    status: str
    amount: Money | None = None
    asked: list[Any] = field(factory=list)

    async def __call__(self, operation: Any) -> Any:
        self.asked.append(operation)
        kind = TransferState if isinstance(operation, QueryTransfer) else PaymentState
        return kind(latest_transaction_status=TransactionStatus(self.status), amount=self.amount)


def qris(status: str = "00") -> Any:
    return build(QrisNotification, {"originalReferenceNo": "Q1", "latestTransactionStatus": status})


def payout(status: str, **more: Any) -> Any:
    return build(PayoutNotification, {"reference_no": "p", "status": status, "partner_reference_no": "mine", **more})


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (notification("00"), QueryPayment(original_reference_no="A120")),
        (qris(), QueryQris(original_reference_no="Q1")),
        (payout("completed"), QueryTransfer(original_partner_reference_no="mine")),
    ],
)
async def test_each_kind_is_asked_for_in_its_own_way(given: Any, asked: Any) -> None:
    provider = Provider("00")

    assert (await confirm(provider, given)).status.is_paid
    assert provider.asked == [asked]


@pytest.mark.parametrize(
    ("given", "said", "agrees"),
    [
        (notification("00"), "00", True),
        (notification("00"), "04", True),
        (notification("03"), "00", True),
        (notification("00"), "03", False),
        (notification("00"), "07", False),
        (notification("08"), "00", False),
        (payout("completed"), "00", True),
        (payout("completed"), "06", True),
        (payout("completed"), "04", True),
        (payout("completed"), "05", False),
        (payout("completed"), "03", False),
        (payout("topup"), "00", True),
        (payout("topup"), "06", False),
        (payout("failed"), "06", True),
        (payout("failed"), "00", False),
        (payout("processed"), "03", True),
        (payout("tomorrow"), "06", True),
    ],
)
async def test_only_a_state_that_may_follow_agrees(given: Any, said: str, agrees: bool) -> None:
    if agrees:
        assert (await confirm(Provider(said), given)).status.raw == said
        return
    with pytest.raises(NotConfirmed) as caught:
        await confirm(Provider(said), given)
    assert caught.value.reason == "other_status"


@pytest.mark.parametrize(("amount", "agrees"), [(Money(10_000), True), (None, True), (Money(9_999), False)])
async def test_another_amount_is_never_confirmed(amount: Money | None, agrees: bool) -> None:
    reasons = []
    try:
        await confirm(Provider("00", amount), notification("00"))
    except NotConfirmed as error:
        reasons.append(error.reason)

    assert reasons == ([] if agrees else ["other_amount"])


@pytest.mark.parametrize(
    "given",
    [
        build(LinkingNotification, {"additionalInfo": {"accessToken": "t", "accountStatus": "ENABLED"}}),
        build(PayoutNotification, {"reference_no": "p", "status": "completed"}),
    ],
)
async def test_what_nothing_can_be_asked_about_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput):
        await confirm(Provider("00"), given)


@frozen
class Order:
    external_id: str
    amount: Money = TEN_THOUSAND


async def test_a_sweep_settles_what_is_final_and_leaves_the_rest() -> None:
    settled = []

    async def send(operation: QueryPayment) -> Any:
        states = {"1": ("00", 10_000), "2": ("03", 10_000), "3": ("00", 1), "4": ("08", 10_000), "5": ("00", 10_000)}
        if operation.original_external_id not in states:
            raise Unavailable(operation, "id", "down")
        status, amount = states[operation.original_external_id]
        return PaymentState(latest_transaction_status=TransactionStatus(status), amount=Money(amount))

    async def settle(order: Order, state: PaymentState) -> None:
        if order.external_id == "5":
            raise RuntimeError("our own database")
        settled.append((order.external_id, state.status.raw))

    report = await sweep(send, [Order(str(number)) for number in range(1, 7)], settle)  # type: ignore[arg-type]  # one operation

    assert sorted(settled) == [("1", "00"), ("4", "08")]
    assert (report.asked, report.settled, sorted(report.failed)) == (6, 2, ["3", "5", "6"])


async def test_a_sweep_and_a_confirmation_work_with_a_session() -> None:
    simulator = Simulator()
    async with GoPaySession(
        simulator.credentials, Environment.SANDBOX, transport=simulator, clock=simulator.clock
    ) as gopay:
        external_id, settled = new_external_id(), []
        made = await gopay.send(
            CreatePayment(partner_reference_no="order-1", amount=Money(10_000)), external_id=external_id
        )
        simulator.pay(str(made.reference_no))

        async def overdue() -> AsyncIterator[Order]:
            yield Order(external_id)

        async def settle(order: Order, state: PaymentState) -> None:
            settled.append(state.original_reference_no)

        report = await sweep(gopay.send, overdue(), settle)
        confirmed = await confirm(gopay.send, notification("00", str(made.reference_no)))

    assert (report.settled, settled, confirmed.status.is_paid) == (1, [made.reference_no], True)
    assert isinstance(notification(), DebitNotification)
