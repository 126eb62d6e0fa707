"""Notifications of the simulator: signed as documented, delivered over real HTTP, repeated on the virtual clock."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from hashlib import sha512
from typing import Any

import pytest
from aiohttp import web

from gopay_async import GoPaySession, InvalidInput, Money, wire
from gopay_async.api import DebitNotification, GenerateQris, LinkingNotification, QrisNotification
from gopay_async.simulator import Simulator
from gopay_async.simulator.console import Console
from gopay_async.simulator.trouble import Trouble
from gopay_async.webhooks import NotificationVerifier

from .simulator_for_tests import START, payment, session, simulator, top_up


async def paid(gopay: GoPaySession, simulated: Simulator, number: str = "order-1") -> str:
    created = await gopay.send(payment(number), external_id="4" * 32)
    simulated.pay(created.reference_no or "")
    return created.reference_no or ""


def verified(simulated: Simulator, path: str = "/v1.0/debit/notify") -> Any:
    """Return the last notification of the outbox as the receiver reads it."""
    notice = simulated.outbox[-1]
    verifier = NotificationVerifier(simulated.notification_public_key, path=path)
    return verifier.verify(headers=notice.headers, body=notice.body, now=simulated.clock.now())


async def test_a_payment_is_told_by_a_signed_notification() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
    told = verified(simulated)

    assert isinstance(told, DebitNotification)
    assert (told.original_reference_no, told.status.code, told.amount) == (reference, "00", Money(100_000))
    assert (told.merchant_id, told.partner_id) == (simulated.credentials.merchant_id, simulated.credentials.partner_id)
    assert (told.original_external_id, told.finished_time, len(told.external_id)) == ("4" * 32, START, 32)


async def test_a_refund_is_told_with_its_history() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
    simulated.refund(reference, amount=Money(30_000), reason="Complaint")
    told = verified(simulated)

    assert (told.status.code, told.total_refund_amount) == ("04", Money(30_000))
    assert [one.reason for one in told.refund_history] == ["Complaint"]


async def test_an_expiry_is_told_without_what_was_paid_with() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        await gopay.send(payment())
    simulated.clock.advance(900)
    told = verified(simulated)

    assert (told.status.code, told.user_payment_details) == ("08", ())
    assert wire.loads(simulated.outbox[-1].body)["additionalInfo"] == {"refundHistory": []}


async def test_a_qris_payment_is_told_on_its_own_path() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        code = await gopay.send(GenerateQris(partner_reference_no="qris-1", amount=Money(20_000)))
        simulated.pay(code.reference_no or "")
    told = verified(simulated, QrisNotification.endpoint.path)

    assert isinstance(told, QrisNotification)
    assert [one.transaction_type for one in told.qris] == ["ON-US"]


def test_linking_and_unlinking_are_told() -> None:
    simulated = simulator()
    link = simulated.link()
    first = verified(simulated, LinkingNotification.endpoint.path)
    simulated.unlink(link)
    second = verified(simulated, LinkingNotification.endpoint.path)

    assert (first.access_token, first.is_linked, second.is_linked) == (link.token, True, False)


@pytest.mark.parametrize(
    ("do", "status", "error"), [("complete_top_up", "completed", None), ("fail_top_up", "failed", "001")]
)
async def test_the_end_of_a_top_up_is_told_in_the_legacy_form(do: str, status: str, error: str | None) -> None:
    simulated = simulator(iris_key="shared")
    async with session(simulated) as gopay:
        await gopay.send(top_up())
    getattr(simulated, do)("payout-1")
    notice = simulated.outbox[-1]
    body = wire.loads(notice.body)

    assert notice.headers["Iris-Signature"] == sha512(notice.body + b"shared").hexdigest()
    assert (body["partner_reference_no"], body["amount"]) == ("payout-1", "25000.00")
    assert (body["status"], body.get("error_code")) == (status, error)


def test_no_notification_is_documented_for_reserved_money() -> None:
    simulated = simulator()
    books = simulated.books
    books.payments.create(
        payment(),
        kind="auth",
        at=START,
        external_id="1",
        amount=Money(1),
        reference="o",
        until=START + timedelta(days=7),
    )
    simulated.clock.advance(timedelta(days=8))

    assert list(simulated.outbox) == []


def test_a_key_is_made_when_none_was_given() -> None:
    simulated = simulator(notification_key=None)

    assert simulated.notification_key is simulated.notification_key
    assert simulated.iris_key.startswith("sim-iris-")


# --- delivery ------------------------------------------------------------------------------------------------------


class Receiver:
    """A merchant's server that answers with the next status on its list, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.received: list[tuple[str, bytes, str]] = []
        self.url = ""
        #: What happens in between.
        self.meanwhile: Callable[[], object] = list

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.received.append((request.path, await request.read(), request.headers.get("X-SIGNATURE", "")))
        self.meanwhile()
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            await asyncio.get_running_loop().create_future()
        return web.Response(status=status, text="said", headers={"Location": "/elsewhere"})


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(*statuses)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/gopay"
        yield receiver
    finally:
        await runner.cleanup()


async def test_notifications_are_delivered_in_order_under_a_prefix() -> None:
    simulated = simulator()
    async with session(simulated) as gopay, receiving() as receiver:
        await paid(gopay, simulated)
        simulated.link()
        signature = simulated.outbox[0].headers["X-SIGNATURE"]
        made = await simulated.deliver(receiver.url)

    assert [path for path, _, _ in receiver.received] == [
        "/gopay/v1.0/debit/notify",
        "/gopay/v1.0/registration-account/notify",
    ]
    assert receiver.received[0][1:] == (made[0].notice.body, signature)
    assert [(one.status, one.accepted, one.said) for one in made] == [(200, True, "said")] * 2
    assert (list(simulated.outbox), list(simulated.deliveries)) == ([], made)


async def test_what_is_not_answered_with_200_is_repeated_five_times_on_the_virtual_clock() -> None:
    simulated = simulator()
    waits = []
    async with session(simulated) as gopay, receiving(500, 202, 307, 404, 503, 500) as receiver:
        await paid(gopay, simulated)
        for minutes in (0, 2, 10, 30, 90, 210):
            simulated.clock.advance(timedelta(minutes=minutes) - timedelta(seconds=1) * bool(minutes))
            early = await simulated.deliver(receiver.url)
            simulated.clock.advance(1 * bool(minutes))
            late = await simulated.deliver(receiver.url)
            waits.append((len(early), len(late)))

    assert waits == [(1, 0), (0, 1), (0, 1), (0, 1), (0, 1), (0, 1)]
    assert len({body for _, body, _ in receiver.received}) == 1
    assert list(simulated.outbox) == []


async def test_any_2xx_accepts_a_linking_notification() -> None:
    simulated = simulator()
    simulated.link()
    async with receiving(204) as receiver:
        made = await simulated.deliver(receiver.url)

    assert made[0].accepted


async def test_a_receiver_that_hangs_or_is_not_there_is_logged_and_tried_again() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        await paid(gopay, simulated)
    async with receiving(0) as receiver:
        hung = await simulated.deliver(receiver.url, timeout=0.05)
    simulated.clock.advance(120)
    gone = await simulated.deliver(receiver.url)

    assert [(one[0].status, one[0].accepted) for one in (hung, gone)] == [(None, False)] * 2
    assert "ClientConnectorError" in gone[0].said
    assert len(simulated.outbox) == 1


@pytest.mark.parametrize("to", ["http://example.com", "ftp://127.0.0.1", "127.0.0.1:80", "http://10.0.0.1"])
async def test_nothing_is_delivered_to_another_machine(to: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        await simulator().deliver(to)

    assert raised.value.field == "to"


async def test_switches_that_were_assigned_hold_for_what_is_delivered() -> None:
    simulated = simulator()
    simulated.trouble = Trouble(duplicates=True)
    simulated.link()
    async with receiving() as receiver:
        await simulated.deliver(receiver.url)

    assert len(receiver.received) == 2


async def test_the_demo_shop_is_told_at_an_address_that_is_not_loopback() -> None:
    simulated = simulator()
    simulated.link()
    async with receiving() as receiver:
        shop = receiver.url.replace("127.0.0.1", "0.0.0.0")
        made = await Console(simulated, shop=shop, notify=shop).deliver()

    assert [one.accepted for one in made] == [True]


class Handler(logging.Handler):
    """Does something when anything is logged."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act = act

    def emit(self, record: logging.LogRecord) -> None:
        self.act()


@contextmanager
def logging_to(act: Callable[[], object]) -> Iterator[None]:
    """Let everything that is logged lead to *act* while the context lasts."""
    handler, logger = Handler(act), logging.getLogger("gopay_async")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


async def goes_on_until(happened: asyncio.Event, task: "asyncio.Task[None]") -> bool:
    """Wait for the event or the end of *task*, and return whether that goes on."""
    waiting = asyncio.create_task(happened.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return not task.done()


async def test_a_round_of_delivery_that_fails_is_logged_and_not_the_last_one() -> None:
    console, logged, received = Console(simulator()), asyncio.Event(), asyncio.Event()
    console.simulator.link()
    console.notify = "http://example.com"
    async with receiving() as receiver:
        receiver.meanwhile = received.set
        task = asyncio.create_task(console.keep_delivering())
        with logging_to(logged.set):
            went_on = [await goes_on_until(logged, task)]
        console.send_to(receiver.url)
        went_on.append(await goes_on_until(received, task))
        task.cancel()

    assert went_on == [True, True]


async def test_two_rounds_at_once_deliver_everything_once() -> None:
    simulated = simulator()
    simulated.link()
    async with receiving() as receiver:
        made = await asyncio.gather(*(simulated.deliver(receiver.url) for _ in range(3)))

    assert (sorted(map(len, made)), len(receiver.received)) == ([0, 0, 1], 1)


def test_a_simulator_that_outlives_an_event_loop_delivers_in_the_next_one() -> None:
    simulated = simulator()

    async def deliver_twice_at_once() -> int:
        simulated.link()
        async with receiving() as receiver:
            await asyncio.gather(simulated.deliver(receiver.url), simulated.deliver(receiver.url))
        return len(receiver.received)

    assert [asyncio.run(deliver_twice_at_once()) for _ in range(2)] == [1, 1]


async def test_a_notification_that_a_full_outbox_dropped_on_the_way_is_not_missed() -> None:
    simulated = simulator()
    simulated.link()
    async with receiving() as receiver:
        receiver.meanwhile = simulated.outbox.clear
        made = await simulated.deliver(receiver.url)

    assert [one.accepted for one in made] == [True]


async def test_a_reset_during_a_delivery_is_none_of_its_business() -> None:
    simulated = simulator()
    simulated.link()
    async with receiving() as receiver:
        receiver.meanwhile = simulated.reset
        made = await simulated.deliver(receiver.url)

    assert ([one.accepted for one in made], list(simulated.deliveries)) == ([True], [])
