"""The main job from end to end, on loopback with real HTTP.  Knows the plot; library and simulator are the actors."""

import asyncio
import csv
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from attrs import define

from ..api import ApplyToken, CreatePayment, FetchPromotions, GiveReward, QueryPayment, QueryTransfer, TopUp
from ..credentials import Customer, Environment
from ..errors import InvalidInput, NotFound, OutcomeUnknown, Refused
from ..launch import launch_deeplink
from ..models import Money, new_external_id
from ..session import TOP_UP_PATIENCE, GoPaySession
from ..simulator import DROP_AFTER, ERROR_BEFORE, SAMPLE_ACCOUNT, Simulator
from ..simulator.records import SUCCESS
from ..webhooks import NotificationVerifier
from .merchant import Merchant, Order, backend
from .story import Recorded, Story, Told

_PLACES: Final = (
    Path(__file__).parent / "payouts.csv",
    Path(__file__).parents[2] / "examples" / "payouts.csv",
)


app: Final = typer.Typer(add_completion=False)


@app.command()
def demo(
    file: Annotated[Path | None, typer.Option(help="CSV file with payouts; an example is built in.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")] = False,
) -> None:
    """Take a payment, receive its notification, give a reward and pay out a file: all of it on loopback."""
    raise typer.Exit(asyncio.run(run(file, as_json=as_json)))


@define
class Row:
    """One payout of the file and what is known of it: the merchant's own books."""

    payout: TopUp
    #: What became of each attempt, in order.
    history: list[str]
    unknown: OutcomeUnknown | None = None
    state: str = "planned"


async def run(file: Path | None = None, *, as_json: bool = False) -> int:
    """Play the demo and return the exit code: 0 only if the books of merchant and simulator agree."""
    story: Story = Recorded() if as_json else Told()
    try:
        rows = read_payouts(file or next(place for place in _PLACES if place.exists()))
    except (OSError, InvalidInput) as error:
        story.end(f"The file cannot be used: {error}", good=False)
        return 2
    async with _stage(story) as (simulator, gopay, merchant, address):
        order = await _pay(story, simulator, gopay, merchant, address)
        await _reward(story, simulator, gopay)
        await _pay_out(story, simulator, gopay, rows)
        return _compare(story, simulator, order, rows)


def read_payouts(path: Path) -> list[Row]:
    """Return the rows of the CSV file at *path*; raise InvalidInput that names the line."""
    rows = []
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, line in enumerate(csv.DictReader(lines), 2):
            try:
                rows.append(Row(_payout(line), []))
            except InvalidInput as error:
                raise InvalidInput(f"line {number}", str(error)) from None
    return rows


def _payout(line: dict[str, str | None]) -> TopUp:
    missing = [name for name in _COLUMNS if not line.get(name)]
    if missing:
        raise InvalidInput(", ".join(missing), f"is missing; the columns are {', '.join(_COLUMNS)}")
    reference, number, name, amount, notes = (str(line[column]) for column in _COLUMNS)
    return TopUp(
        partner_reference_no=reference,
        customer_number=number,
        customer_name=name,
        amount=Money(amount),
        notes=notes,
    )


_COLUMNS: Final = ("partner_reference_no", "customer_number", "customer_name", "amount", "notes")


@asynccontextmanager
async def _stage(story: Story) -> AsyncIterator[tuple[Simulator, GoPaySession, Merchant, str]]:
    """Start the simulator, the merchant's backend and the session."""
    simulator, merchant = Simulator(), Merchant()
    verifier = NotificationVerifier(
        simulator.notification_public_key, merchant_id=simulator.credentials.merchant_id, clock=simulator.clock
    )
    async with (
        simulator.serve() as provider,
        backend(merchant, verifier) as address,
        GoPaySession(simulator.credentials, Environment.at(provider), clock=simulator.clock) as gopay,
    ):
        story.step("The simulator of the provider listens", address=provider, checks="every signature, for real")
        story.step("The merchant's backend listens", notifications=f"{address}/v1.0/debit/notify", server="uvicorn")
        yield simulator, gopay, merchant, address


async def _pay(story: Story, simulator: Simulator, gopay: GoPaySession, merchant: Merchant, address: str) -> Order:
    """Take an order of the mini-app from its creation to the status that confirms it."""
    order = Order("order-2026-0001", Money(125_000), new_external_id())
    payment = await gopay.send(
        CreatePayment(
            partner_reference_no=order.number,
            amount=order.amount,
            point_of_purchase_id="22cc3371-4bba-4ec6-8e0d-62163e130cdc",
        ),
        external_id=order.external_id,
    )
    order.reference_no = payment.reference_no or ""
    merchant.orders[order.reference_no] = order
    story.step(
        "The payment is created, with an access token fetched for it",
        order=order.number,
        amount=f"Rp {order.amount}",
        reference=order.reference_no,
        deeplink=launch_deeplink(payment.web_redirect_url),
    )
    simulator.pay(order.reference_no)
    await simulator.deliver(address)
    received = await merchant.received.get()
    story.step(
        "The customer pays, and the signed notification arrives",
        kind=type(received).__name__,
        verified_with=received.key,
        status=getattr(received, "status", ""),
        answered="2005600, after the order was marked as paid",
    )
    state = await gopay.send(QueryPayment(original_reference_no=order.reference_no))
    story.step("The status confirms it", status=state.status, amount=f"Rp {state.amount}")
    return order


async def _reward(story: Story, simulator: Simulator, gopay: GoPaySession) -> None:
    fetched = await gopay.send(FetchPromotions(account_id=SAMPLE_ACCOUNT, gross_amount=Money(125_000)))
    titles = ", ".join(one.title or one.id for one in fetched.promotions) or "none"
    story.step("Promotions of the customer", found=titles)
    user = await gopay.send(ApplyToken(auth_code=simulator.auth_code()))
    external_id = new_external_id()
    given = await gopay.send(
        GiveReward(amount=Money(2_500), description="Thank you for your first order"),
        external_id=external_id,
        customer=Customer(user.auth_token),
    )
    story.step("The mini-app user gets a reward", coins="2500", payment_id=given.payment_id)


async def _pay_out(story: Story, simulator: Simulator, gopay: GoPaySession, rows: Sequence[Row]) -> None:
    """Send all rows at once through two faults, then settle what is not known by inquiry."""
    simulator.faults.add(DROP_AFTER, on=TopUp, nth=3)
    simulator.faults.add(ERROR_BEFORE, on=TopUp, nth=6)
    async with asyncio.TaskGroup() as tasks:
        for row in rows:
            tasks.create_task(_send(gopay, row))
    open_rows = [row for row in rows if row.unknown]
    story.step(
        "The payouts of the file are sent concurrently, through two faults",
        rows=len(rows),
        accepted=sum(row.state == "accepted" for row in rows),
        outcome_unknown=len(open_rows),
        not_repeated="what may have been processed is asked for, never sent again blindly",
    )
    simulator.clock.advance(TOP_UP_PATIENCE)
    story.step("Ten minutes pass, on the simulated clock")
    # The answered ones first: an inquiry that never finds anything would prove nothing about the others.
    for row in sorted(rows, key=lambda row: row.unknown is not None):
        await _settle(gopay, row)
    # What was not found has been sent again by now, and its ten minutes begin anew.
    simulator.clock.advance(TOP_UP_PATIENCE)
    for row in rows:
        await _settle(gopay, row)
    story.table(
        "Payouts",
        ("reference", "Rp", "state", "what happened"),
        [(row.payout.partner_reference_no, str(row.payout.amount), row.state, ", ".join(row.history)) for row in rows],
    )


async def _send(gopay: GoPaySession, row: Row) -> None:
    row.state, row.unknown = "sending", None
    try:
        await gopay.send(row.payout, external_id=new_external_id())
    except OutcomeUnknown as unknown:
        row.state, row.unknown = "unknown", unknown
        row.history.append(f"unknown ({unknown.code or 'no answer'})")
    except Refused as refused:
        row.state = "refused"
        row.history.append(f"refused ({refused.code})")
    else:
        row.state = "accepted"
        row.history.append("accepted")


async def _settle(gopay: GoPaySession, row: Row) -> None:
    """Ask what became of the row; send it again, with the same reference, only if it is not there."""
    if row.state not in ("accepted", "unknown"):
        return
    inquiry = QueryTransfer.of(row.payout, "")
    try:
        found = await gopay.send(inquiry)
    except NotFound:
        row.history.append("not found")
        await _send(gopay, row)
        return
    if found.status.is_paid and found.amount == row.payout.amount:
        row.state, row.unknown = "paid", None
        row.history.append("paid")


def _compare(story: Story, simulator: Simulator, order: Order, rows: Sequence[Row]) -> int:
    """Show both books side by side and return the exit code."""
    simulator.check()
    books = simulator.snapshot()
    theirs = {one["partner_reference_no"]: Money(one["amount"]) for one in books["payouts"] if one["status"] == SUCCESS}
    ours = {row.payout.partner_reference_no: row.payout.amount for row in rows if row.state == "paid"}
    lines = [
        ("the customer's payment", f"Rp {order.amount if order.is_paid else 0}", f"Rp {books['takings']}"),
        ("payouts paid", str(len(ours)), str(len(theirs))),
        ("their total", f"Rp {sum(ours.values(), Money(0))}", f"Rp {books['completed']}"),
        ("still open", str(sum(row.state != "paid" for row in rows)), f"Rp {books['pending']}"),
    ]
    agree = ours == theirs and len(ours) == len(rows) and order.is_paid and books["takings"] == str(order.amount)
    story.table("Books", ("", "merchant", "simulator"), lines)
    sentence = "Every rupiah is accounted for, and nobody was paid twice." if agree else "The books differ."
    story.end(sentence, good=agree)
    return 0 if agree else 1
