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
from gopay_async.credentials import Environment
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
from gopay_async.simulator import Simulator, VirtualClock
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY, credentials

from .provider import Provider

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

    clock: VirtualClock
    provider: Provider
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
            clock=self.clock,
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

    def payments(self) -> list[int]:
        """Return how often each reference was paid, in the order of the references."""
        return [len(amounts) for _, amounts in sorted(self.provider.paid.items())]

    def moves(self) -> list[tuple[str, State, State]]:
        return [(one.reference, one.before, one.state) for one in self.told if isinstance(one, Moved)]


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    clock, provider, where = VirtualClock(), Provider(), Environment.at("http://127.0.0.1:9")
    who = credentials()
    session = GoPaySession(who, where, transport=provider, clock=clock, jitter=lambda: 0.0)
    async with open_ledger(folder / "ledger.db", clock=clock) as ledger, session:
        yield World(clock, provider, session, ledger, Account(where.name, str(who.client_id)))


@asynccontextmanager
async def simulated(folder: Path) -> AsyncIterator[tuple[Simulator, World]]:
    """Give the same with the simulator, which checks every signature and every duplicate."""
    simulator = Simulator(private_key=MERCHANT_KEY, notification_key=PROVIDER_KEY, seed=1)
    clock, where, who = simulator.clock, simulator.environment(), simulator.credentials
    session = GoPaySession(who, where, transport=simulator, clock=clock, jitter=lambda: 0.0)
    async with open_ledger(folder / "ledger.db", clock=clock) as ledger, session:
        yield simulator, World(clock, Provider(), session, ledger, Account(where.name, str(who.client_id)))
