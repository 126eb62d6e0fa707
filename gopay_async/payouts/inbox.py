"""Stored payout notifications -> steps of payouts.  Knows no signature: what is stored has been verified."""

from .. import wire
from ..api import PayoutNotification
from .desk import Desk
from .outcomes import noticed
from .records import Happened, Job


async def apply_notices(desk: Desk, job: Job) -> int:
    """Apply the notifications of the job's account that nobody has applied yet; return their number."""
    found = await desk.ledger.unread(job.account)
    for number, reference, body in found:
        await _apply(desk, job, number, reference, read_notice(body))
    return len(found)


def read_notice(body: str) -> PayoutNotification:
    """Return the stored notification."""
    raw = wire.loads(body.encode())
    return wire.structure(PayoutNotification, raw, raw=raw, body=body.encode())


async def _apply(desk: Desk, job: Job, number: int, reference: str, one: PayoutNotification) -> None:
    payouts = await desk.ledger.known(job.account, [reference]) if reference else []
    if not payouts:
        await desk.ledger.applied(number, None, "no payout of this ledger has its reference")
        return
    (payout,) = payouts
    fact = noticed(one, at=desk.watch.moment().at)
    entry = Happened(
        at=fact.at, kind="notified", attempt=payout.alike.attempt, outcome=one.status.word[:40], said=fact.said
    )
    done = await desk.enter(payout, fact, entry)
    await desk.ledger.applied(number, payout.id, done.ignored or f"{payout.state} -> {done.standing.state}")
