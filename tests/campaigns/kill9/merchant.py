"""The process that is killed: it runs one job with the library, on a clock that was turned on by so many seconds.

`python -m tests.campaigns.kill9.merchant LEDGER FILE URL KEY AHEAD [KIND]` imports FILE where the ledger does not
know it and runs it; it prints one line when it begins to send, and another with how it ended.  The shipped command
line has no such clock: it would be a way round the ten minutes.  `forgetful` leaves out the commit of the intent.
`suspended` stops the process between that commit and the first byte.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import define, evolve

from gopay_async import Credentials, Environment, GoPaySession
from gopay_async.payouts import (
    Account,
    Ended,
    Ledger,
    Payout,
    Runner,
    Settings,
    draft_of_file,
    existing_job,
    find_known,
    import_draft,
    open_ledger,
)
from gopay_async.payouts.desk import Desk, Step, Taken
from gopay_async.payouts.plan import Claimed, Transition, decide
from gopay_async.payouts.records import Alike, Happened
from gopay_async.transport import AiohttpTransport

#: The merchant's time-out: what the provider leaves hanging must not take long here.
TIMEOUT = 1.0


@define
class TurnedClock:
    """The machine's clock, some way ahead; long sleeps turn it on instead of waiting."""

    ahead: float

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    async def sleep(self, seconds: float) -> None:
        if seconds > 2.0:
            # Nothing is under way when a run sleeps that long.
            self.ahead += seconds
            seconds = 0.0
        await asyncio.sleep(seconds)


class ForgetfulDesk(Desk):
    """Sends before it has written down that it will: what the campaign must be able to catch."""

    async def enter_all(
        self, payouts: Sequence[Payout], fact: object, kind: str, new_id: object = None
    ) -> list[Payout]:
        if not isinstance(fact, Claimed) or not callable(new_id):
            return await super().enter_all(payouts, fact, kind, None)  # type: ignore[arg-type]  # handed on as it came
        claimed = [decide(one.alike, fact, self.rules, self.trust).standing for one in payouts]
        return [evolve(one, alike=then, external_id=new_id()) for one, then in zip(payouts, claimed, strict=True)]

    async def accept(self, taken: Taken) -> None:
        await self.claim_late(list(taken))
        await super().accept(taken)

    async def record(self, steps: Sequence[Step]) -> list[Transition]:
        await self.claim_late([one.payout for one in steps if one.happened.kind == "answered"])
        return await super().record(steps)

    async def claim_late(self, payouts: Sequence[Payout]) -> None:
        """Bring the ledger, which still has them as planned, up to date before it learns how they ended."""
        planned = await self.ledger.known(self.job.account, [one.reference for one in payouts])
        before = {one.id: one for one in planned}
        await self.ledger.move_alike([_claim(before[one.id], one) for one in payouts])


def _claim(before: Payout, after: Payout) -> Alike:
    event = Happened(at=after.alike.imported_at, kind="claimed", attempt=after.alike.attempt)
    return Alike(before=before.alike, after=after.alike, event=event, rows=[(after.id, after.external_id, "")])


class SuspendedDesk(Desk):
    """Stops the process once, after the first intent is on the disk and before anything is sent."""

    async def enter_all(
        self, payouts: Sequence[Payout], fact: object, kind: str, new_id: object = None
    ) -> list[Payout]:
        made = await super().enter_all(payouts, fact, kind, new_id)  # type: ignore[arg-type]  # handed on as it came
        if made[0].id == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        return made


DESKS = {"forgetful": ForgetfulDesk, "suspended": SuspendedDesk}


async def main(arguments: Sequence[str]) -> None:
    ledger_path, file, url, key, ahead, *kind = arguments
    clock = TurnedClock(float(ahead))
    where = Environment.at(url)
    who = Credentials(client_id="C", client_secret="S", private_key=Path(key), partner_id="P", channel_id="12345")
    account = Account(where.name, "C")
    transport = AiohttpTransport(connections=60)
    async with open_ledger(ledger_path, clock=clock) as ledger:
        job = await known_job(ledger, file, account)
        async with GoPaySession(who, where, transport=transport, clock=clock, timeout=TIMEOUT) as gopay:
            settings = Settings(concurrency=50, wait=timedelta(days=1))
            runner = Runner(ledger, gopay, account, settings, clock=clock)
            runner.desk = DESKS[kind[0]] if kind else Desk
            print("running", flush=True)
            async for event in runner.run(job):
                if isinstance(event, Ended):
                    print("ended", event.how.name, event.reason, flush=True)


async def known_job(ledger: Ledger, file: str, account: Account):  # type: ignore[no-untyped-def]  # a job
    known = await ledger.jobs()
    if known:
        # A job is complete or not there at all; reading the file again would only take time.
        return known[0]
    async with draft_of_file(file) as draft:
        job = await existing_job(draft, ledger, account)
        if job is None:
            await find_known(draft, ledger, account)
            job = await import_draft(draft, ledger, account, name=Path(file).name)
        return job


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
