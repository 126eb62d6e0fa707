"""A simulated provider, a ledger and a runner for the tests of bulk payouts."""

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, field

from gopay_async import GoPaySession, Money
from gopay_async.api import TopUp
from gopay_async.payouts import (
    Account,
    Ended,
    Job,
    Ledger,
    Moved,
    Payout,
    RunEvent,
    Runner,
    Settings,
    State,
    open_ledger,
    submit,
)
from gopay_async.simulator import Simulator
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY

NUMBER = "6281773628883"


def top_up(reference: str, *, amount: int = 10_000, number: str = NUMBER, name: str = "Siti Rahayu") -> TopUp:
    return TopUp(
        partner_reference_no=reference,
        customer_number=number,
        customer_name=name,
        amount=Money(amount),
        notes="Cashback",
    )


def some(number: int) -> list[TopUp]:
    """Return *number* top-ups that differ in everything."""
    return [top_up(f"pay-{one}", amount=10_000 + one, number=f"62817000{one:05d}") for one in range(1, number + 1)]


async def stream(rows: Iterable[TopUp]) -> AsyncIterator[TopUp]:
    for one in rows:
        yield one


@define
class World:
    """Everything that a run needs, on one virtual clock."""

    simulator: Simulator
    session: GoPaySession
    ledger: Ledger
    account: Account
    #: What the last run said.
    told: list[RunEvent] = field(factory=list)

    async def submit(self, rows: Iterable[TopUp], *, name: str = "job") -> Job:
        return await submit(stream(rows), self.ledger, self.account, name=name, allow_repeats=True)

    def runner(self, **settings: Any) -> Runner:
        numbers = count(1)
        chosen = Settings(**{"concurrency": 4, "wait": timedelta(hours=3), "timeout": 5.0, **settings})
        return Runner(
            self.ledger,
            self.session,
            self.account,
            chosen,
            clock=self.simulator.clock,
            new_id=lambda: f"{random.randrange(10**20)}{next(numbers):06d}",
        )

    async def run(self, job: Job, **settings: Any) -> Ended:
        """Run *job* and return how it ended."""
        self.told = [event async for event in self.runner(**settings).run(job)]
        ended = self.told[-1]
        assert isinstance(ended, Ended)
        return ended

    async def pay(self, rows: Iterable[TopUp], **settings: Any) -> Ended:
        """Submit *rows* and run them."""
        return await self.run(await self.submit(rows), **settings)

    async def states(self, job: Job) -> dict[str, State]:
        return {one.reference: one.state for one in await self.ledger.rows(job.id)}

    async def only(self, job: Job) -> Payout:
        (payout,) = await self.ledger.rows(job.id)
        return payout

    def paid_for(self) -> int:
        """Return how many payouts the provider holds."""
        return len(self.simulator.books.payouts.by_reference)

    def moves(self) -> list[tuple[str, State, State]]:
        return [(one.reference, one.before, one.state) for one in self.told if isinstance(one, Moved)]


@asynccontextmanager
async def world(folder: Path, simulator: Simulator | None = None) -> AsyncIterator[World]:
    simulator = simulator or Simulator(private_key=MERCHANT_KEY, notification_key=PROVIDER_KEY, seed=1)
    session = GoPaySession(
        simulator.credentials, simulator.environment(), transport=simulator, clock=simulator.clock, jitter=lambda: 0.0
    )
    account = Account(simulator.environment().name, str(simulator.credentials.client_id))
    async with open_ledger(folder / "ledger.db", clock=simulator.clock) as ledger, session:
        yield World(simulator, session, ledger, account)
