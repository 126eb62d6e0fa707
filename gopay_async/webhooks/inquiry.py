"""The provider asked: is a notification true, and what became of a payment nobody heard of.  Knows no server."""

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Final, Protocol, TypeVar

from attrs import define, field

from ..api import (
    DebitNotification,
    Notification,
    PaymentState,
    PayoutNotification,
    QrisNotification,
    QrisState,
    QueryPayment,
    QueryQris,
    QueryTransfer,
    TransferState,
)
from ..errors import InvalidInput, NotConfirmed, OperationError
from ..models import Money, PayoutStatus, TransactionStatus
from ..operation import Answer, Operation
from .progress import may_follow

T = TypeVar("T", bound=Answer)
_log: Final = logging.getLogger("gopay_async.webhooks")
State = PaymentState | QrisState | TransferState


class Sender(Protocol):
    """`GoPaySession.send`."""

    async def __call__(self, operation: Operation[T], /) -> T:
        """Send *operation* and return its answer; raise OperationError."""
        ...


async def confirm(send: Sender, notification: Notification) -> State:
    """Ask the provider what became of it, and return its answer: decide on that one's state, which may be newer.

        state = await confirm(gopay.send, notification)

    Raises NotConfirmed where the answer names another amount, or a state that cannot follow the notified one,
    InvalidInput for a notification that nothing can be asked about, and what `send` raises.  In a handler, let them
    pass: the provider sends again.
    """
    if isinstance(notification, DebitNotification):
        found: State = await send(QueryPayment(original_reference_no=notification.original_reference_no))
    elif isinstance(notification, QrisNotification):
        found = await send(QueryQris(original_reference_no=notification.original_reference_no))
    elif isinstance(notification, PayoutNotification) and notification.partner_reference_no:
        found = await send(QueryTransfer(original_partner_reference_no=notification.partner_reference_no))
    else:
        raise InvalidInput("notification", f"there is no inquiry for this {type(notification).__name__}")
    _compare(notification, found)
    return found


def _compare(notification: DebitNotification | QrisNotification | PayoutNotification, found: State) -> None:
    if not _agrees(notification.status, found.status.code):
        raise NotConfirmed("other_status", f"notified {notification.status}, and the inquiry says {found.status}")
    told, asked = notification.amount, found.amount
    if told is not None and asked is not None and told != asked:
        raise NotConfirmed("other_amount", "the amount of the inquiry is another one")


def _agrees(told: TransactionStatus | PayoutStatus, asked: str) -> bool:
    """Whether the provider may say *asked* about what it notified as *told*."""
    if isinstance(told, TransactionStatus):
        return asked == told.code or may_follow(told.code, asked)
    if told.is_balance_top_up:
        return asked == "00"
    if told.is_paid:
        # What was completed may fail later, and be given back (Q-NOT-9): the answer is the newer one.
        return asked in ("00", "04", "06")
    return not told.is_failed or asked in ("05", "06", "09")


class Awaited(Protocol):
    """A payment of the user's books whose notification has not come: an order, a row."""

    @property
    def external_id(self) -> str:
        """X-EXTERNAL-ID of the payment, stored before it was sent."""
        ...

    @property
    def amount(self) -> Money:
        """The amount that was asked for."""
        ...


A = TypeVar("A", bound=Awaited)


@define
class Sweep:
    """What one sweep found."""

    asked: int = 0
    settled: int = 0
    #: External ids of those that could not be settled: no answer, another amount, or the user's own code failed.
    failed: list[str] = field(factory=list)


async def sweep(
    send: Sender,
    overdue: AsyncIterable[A] | Iterable[A],
    settle: Callable[[A, PaymentState], Awaitable[object]],
    *,
    concurrency: int = 4,
) -> Sweep:
    """Ask about every payment of *overdue*, and give *settle* the answers that are final; the others stay open.

    *overdue* are those whose notification should have come: created half an hour ago or earlier, and still open.  One
    that fails does not stop the others.  An answer with another amount is never given to *settle*.
    """
    report, slots = Sweep(), asyncio.Semaphore(concurrency)

    async def ask(one: A) -> None:
        async with slots:
            await _ask(send, one, settle, report)

    async with asyncio.TaskGroup() as tasks:
        if isinstance(overdue, AsyncIterable):
            async for one in overdue:
                tasks.create_task(ask(one))
        else:
            for one in overdue:
                tasks.create_task(ask(one))
    return report


async def _ask(send: Sender, one: A, settle: Callable[[A, PaymentState], Awaitable[object]], report: Sweep) -> None:
    report.asked += 1
    try:
        state = await send(QueryPayment(original_external_id=one.external_id))
        if state.amount is not None and state.amount != one.amount:
            _log.error("payment %s has another amount at the provider", one.external_id)
            report.failed.append(one.external_id)
        elif state.status.is_final:
            await settle(one, state)
            report.settled += 1
    except OperationError as error:
        _log.warning("payment %s could not be asked for: %s", one.external_id, type(error).__name__)
        report.failed.append(one.external_id)
    except Exception:  # noqa: BLE001  # the user's own code: it must not stop the sweep
        _log.exception("payment %s could not be settled", one.external_id)
        report.failed.append(one.external_id)
