"""Compares ledger, provider and received notifications, and lists every difference.  Sends no money."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from attrs import define, field, frozen

from ..api import TransferState
from ..clock import Clock, SystemClock
from ..errors import OperationError, RateLimited
from ..session import GoPaySession
from . import outcomes
from .desk import Desk, Watch
from .inbox import apply_notices, read_notice
from .intake import check_account
from .ledger import Ledger
from .outcomes import entry
from .pacer import Pacer
from .plan import Asked, Finding, Moment, Notice, State
from .progress import Contract, Settings
from .records import Account, Job, Payout
from .tasks import first_error

#: How often one payout is asked about before a 429 is the answer.
_TRIES: Final = 3
#: What each state agrees with.
_PROVIDER: Final[dict[State, frozenset[Finding]]] = {
    State.PLANNED: frozenset({Finding.NOT_FOUND}),
    State.ACCEPTED: frozenset({Finding.UNDER_WAY}),
    State.PAID: frozenset({Finding.PAID}),
    State.FAILED: frozenset({Finding.FAILED}),
    State.REFUSED: frozenset({Finding.NOT_FOUND, Finding.FAILED}),
    State.RETURNED: frozenset({Finding.RETURNED, Finding.FAILED}),
}
_NOTICES: Final[dict[Notice, frozenset[State]]] = {
    Notice.ACCEPTED: frozenset({State.ACCEPTED, State.PAID, State.FAILED, State.RETURNED}),
    Notice.COMPLETED: frozenset({State.PAID, State.RETURNED}),
    Notice.FAILED: frozenset({State.FAILED, State.RETURNED, State.REFUSED}),
}


@frozen(kw_only=True)
class Difference:
    """One payout about which ledger, provider and notifications do not say the same; None: said nothing.

    A notification may be about a payout that the ledger does not have at all: it has no line.
    """

    line: int | None
    reference: str
    ledger: State | None
    provider: Finding | None
    notification: str | None
    said: str


@define
class Reconciler:
    """Asks the provider about every payout of a job that was ever sent, at the rate of *settings*."""

    ledger: Ledger
    session: GoPaySession = field(repr=False)
    account: Account
    settings: Settings = field(factory=Settings)
    clock: Clock = field(factory=SystemClock)

    async def differences(self, job: Job) -> AsyncIterator[Difference]:
        """Ask about *job*, write what is learnt into the ledger, and yield every difference that is left.

        Notifications about payouts that the ledger does not have are among them, if they came since the import.

        Raises JobRefused for a job of another account, and LedgerError.
        """
        check_account(job, self.account)
        with self.ledger.lock(f"reconciliation of job {job.short} ({job.name})"):
            watch = Watch(self.clock)
            watch.begin(await self.ledger.last_event_at())
            contract: Contract = self.settings.contract
            desk = Desk(self.ledger, job, contract.__name__, self.settings.rules, watch, _nobody)
            await desk.open()
            while await apply_notices(desk, job):
                pass
            pacer = Pacer(self.clock, self.settings.rate)
            last = 0
            while page := await self.ledger.rows(job.id, after=last, limit=self.settings.concurrency):
                last = page[-1].id
                for one in await self._compare(desk, pacer, page):
                    yield one
            async for one in self._strays(job):
                yield one

    async def _compare(self, desk: Desk, pacer: Pacer, page: Sequence[Payout]) -> list[Difference]:
        # What was never sent is not asked about; a notification may have disputed it all the same.
        concerned = [one for one in page if one.alike.attempt or one.state is State.DISPUTED]
        with first_error():
            async with asyncio.TaskGroup() as tasks:
                asked = {
                    one.id: tasks.create_task(self._ask(desk, pacer, one)) for one in concerned if one.alike.attempt
                }
        facts = [asked[one.id].result() if one.id in asked else None for one in concerned]
        found = [await self._judge(one, fact) for one, fact in zip(concerned, facts, strict=True)]
        return [one for one in found if one is not None]

    async def _ask(self, desk: Desk, pacer: Pacer, payout: Payout) -> Asked:
        when, result = await self._answer(desk, pacer, payout)
        fact = outcomes.asked(result, attempt=payout.alike.attempt, when=when)
        await desk.enter(payout, fact, entry(payout, when, "asked", fact.finding.value, result))
        return fact

    async def _answer(self, desk: Desk, pacer: Pacer, payout: Payout) -> tuple[Moment, TransferState | OperationError]:
        """Return the answer about *payout*, and when it was asked for; a 429 is worth another try, a little later."""
        inquiry = self.settings.contract.of(payout.top_up, payout.external_id)
        left = _TRIES
        while True:
            await pacer.turn()
            when, left = desk.watch.moment(), left - 1
            try:
                answer = await self.session.send(inquiry, timeout=self.settings.timeout)
            except OperationError as error:
                if not isinstance(error, RateLimited) or not left:
                    return when, error
                pacer.slow_down(error.retry_after)
            else:
                pacer.speed_up()
                return when, answer

    async def _judge(self, payout: Payout, fact: Asked | None) -> Difference | None:
        now = await self.ledger.payout(payout.id)
        notices = [read_notice(body) for body, _ in await self.ledger.notices_of(payout.id)]
        last = notices[-1] if notices else None
        told = outcomes.noticed(last, at=self.clock.now()).notice if last else None
        finding = fact.finding if fact else Finding.NOTHING
        agrees = finding in _PROVIDER.get(now.state, frozenset())
        if agrees and (told is None or now.state in _NOTICES.get(told, frozenset(State))):
            return None
        return Difference(
            line=now.line,
            reference=now.reference,
            ledger=now.state,
            provider=None if finding is Finding.NOTHING else finding,
            notification=last.status.word if last else None,
            said=now.alike.reason or (fact.said if fact else ""),
        )

    async def _strays(self, job: Job) -> AsyncIterator[Difference]:
        last = 0
        while found := await self.ledger.strays(self.account, since=job.imported_at, after=last):
            last = found[-1][0]
            for one in (read_notice(body) for _, body in found):
                if not one.status.is_balance_top_up:
                    yield Difference(
                        line=None,
                        reference=one.partner_reference_no or one.reference_no,
                        ledger=None,
                        provider=None,
                        notification=one.status.word,
                        said="no payout of this ledger has its reference",
                    )


async def _nobody(*_: object) -> None:
    """Tell nobody."""
