"""Compares ledger, provider and received notifications, and lists every difference.  Sends no money."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from attrs import define, field, frozen

from ..api import TransferState
from ..clock import Clock, SystemClock
from ..errors import GoPayError, OperationError
from ..session import GoPaySession
from . import outcomes
from .desk import Desk, Watch
from .inbox import apply_notices, read_notice
from .intake import check_account
from .ledger import Ledger
from .outcomes import entry
from .plan import Asked, Finding, Notice, State
from .progress import Contract, Settings
from .records import Account, Job, Payout

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
    """One payout about which ledger, provider and notifications do not say the same; None: said nothing."""

    line: int
    reference: str
    ledger: State
    provider: Finding | None
    notification: str | None
    said: str


@define
class Reconciler:
    """Asks the provider about every payout of a job that was ever sent."""

    ledger: Ledger
    session: GoPaySession = field(repr=False)
    account: Account
    settings: Settings = field(factory=Settings)
    clock: Clock = field(factory=SystemClock)

    async def differences(self, job: Job) -> AsyncIterator[Difference]:
        """Ask about *job*, write what is learnt into the ledger, and yield every difference that is left.

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
            last = 0
            while page := await self.ledger.rows(job.id, after=last, limit=self.settings.concurrency):
                last = page[-1].id
                for one in await self._compare(desk, [row for row in page if row.alike.attempt]):
                    yield one

    async def _compare(self, desk: Desk, page: Sequence[Payout]) -> list[Difference]:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._ask(desk, one)) for one in page]
        found = [await self._judge(one, task.result()) for one, task in zip(page, asked, strict=True)]
        return [one for one in found if one is not None]

    async def _ask(self, desk: Desk, payout: Payout) -> Asked:
        when = desk.watch.moment()
        inquiry = self.settings.contract.of(payout.top_up, payout.external_id)
        result: TransferState | GoPayError
        try:
            result = await self.session.send(inquiry, timeout=self.settings.timeout)
        except OperationError as error:
            result = error
        fact = outcomes.asked(result, attempt=payout.alike.attempt, when=when)
        await desk.enter(payout, fact, entry(payout, when, "asked", fact.finding.value, result))
        return fact

    async def _judge(self, payout: Payout, fact: Asked) -> Difference | None:
        now = await self.ledger.payout(payout.id)
        notices = [read_notice(body) for body, _ in await self.ledger.notices_of(payout.id)]
        last = notices[-1] if notices else None
        told = outcomes.noticed(last, at=fact.when.at).notice if last else None
        agrees = fact.finding in _PROVIDER.get(now.state, frozenset())
        if agrees and (told is None or now.state in _NOTICES.get(told, frozenset(State))):
            return None
        return Difference(
            line=now.line,
            reference=now.reference,
            ledger=now.state,
            provider=None if fact.finding is Finding.NOTHING else fact.finding,
            notification=last.status.word if last else None,
            said=now.alike.reason or fact.said,
        )


async def _nobody(*_: object) -> None:
    """Tell nobody."""
