"""For users' tests: a handler must do the same whatever the provider, the network and the machine do to it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from itertools import permutations
from typing import Any, Final

from attrs import define, field, frozen
from cryptography.hazmat.primitives.asymmetric import rsa

from ..api import Notification
from ..errors import NotIdempotent, StoreFailed
from .asgi import NotificationApp
from .handling import Handler
from .payout import PayoutVerifier
from .replay import Claim, MemoryReplayStore, ReplayStore, Standing
from .samples import Delivery, Forge
from .verifier import NotificationVerifier, Verifier

_PATHS: Final = ("/v1.0/debit/notify", "/v1.0/qr/qr-mpm-notify", "/v1.0/registration-account/notify")
#: The first delivery and five repeats.
_ATTEMPTS: Final = 6
_PARALLEL: Final = 10
_ORDERS: Final = 24


@frozen
class Subject:
    """What is under test: the user's *handler*, and *effect*, which returns what it has done (rows, balances, calls).

    *store* is the replay store that stands before it in production; a new one in memory when left out.
    """

    handler: Handler
    effect: Callable[[], Awaitable[object]]
    store: ReplayStore = field(factory=MemoryReplayStore)


def _forge() -> Forge:
    mine, strangers = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    return Forge(mine, strangers)


@define
class Kit:
    """Delivers events in every way that happens, each time to a new subject, and compares the effects.

        kit = Kit(open_shop)
        await kit.check([kit.forge.valid("debit.pending"), kit.forge.valid("debit.paid")])

    *start* opens a subject over an empty database, and closes it.
    """

    start: Callable[[], AbstractAsyncContextManager[Subject]]
    forge: Forge = field(factory=_forge)

    async def check(self, events: Sequence[Delivery]) -> tuple[str, ...]:
        """Return the names of the ways that were tried; raise NotIdempotent, which names the one that differs."""
        expected = await self._play(_once, events)
        for name, way in _WAYS.items():
            self._compare(name, expected, await self._play(way, events))
        for order in list(permutations(events))[1:_ORDERS]:
            self._compare("reordered", expected, await self._play(_once, order))
        return (*_WAYS, "reordered")

    def app(self, subject: Subject, **changes: Any) -> NotificationApp:
        """Return the receiver in front of the subject, with a verifier of every kind."""
        verifiers: list[Verifier] = [NotificationVerifier(self.forge.public_key, path=one) for one in _PATHS]
        verifiers.append(PayoutVerifier(self.forge.iris_key))
        return NotificationApp(verifiers, **{"handler": subject.handler, "store": subject.store, **changes})

    async def _play(self, way: "_Way", events: Sequence[Delivery]) -> object:
        async with self.start() as subject:
            await way(self, subject, events)
            return await subject.effect()

    def _compare(self, way: str, expected: object, found: object) -> None:
        if found != expected:
            raise NotIdempotent(way, f"the effect is {found!r}; it is {expected!r} when each event comes once")


_Way = Callable[[Kit, Subject, Sequence[Delivery]], Awaitable[None]]


async def post(app: NotificationApp, delivery: Delivery) -> int:
    """Deliver it once, without a network; return the HTTP status."""
    events = [{"type": "http.request", "body": delivery.body, "more_body": False}]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return events.pop()

    async def send(event: Any) -> None:
        statuses.append(event.get("status", 0))

    headers = [(name.lower().encode(), value.encode()) for name, value in delivery.headers.items()]
    scope = {"type": "http", "method": "POST", "path": delivery.path, "headers": headers}
    await app(scope, receive, send)
    return statuses[0]


async def _deliver(app: NotificationApp, delivery: Delivery) -> None:
    """Deliver it as the provider does: again until it is answered with 200, or given up."""
    for _ in range(_ATTEMPTS):
        if await post(app, delivery) == 200:
            return
    raise NotIdempotent("refused", f"{delivery.path} was not accepted in {_ATTEMPTS} attempts")


async def _once(kit: Kit, subject: Subject, events: Sequence[Delivery]) -> None:
    app = kit.app(subject)
    for one in events:
        await _deliver(app, one)


async def _twice(kit: Kit, subject: Subject, events: Sequence[Delivery]) -> None:
    app = kit.app(subject)
    for one in events:
        await _deliver(app, one)
        await _deliver(app, kit.forge.duplicate(one))


async def _in_parallel(kit: Kit, subject: Subject, events: Sequence[Delivery]) -> None:
    app = kit.app(subject)
    for one in events:
        copies = [one, *(kit.forge.duplicate(one) for _ in range(_PARALLEL - 1))]
        await asyncio.gather(*(_deliver(app, copy) for copy in copies))


async def _late(kit: Kit, subject: Subject, events: Sequence[Delivery]) -> None:
    await _once(kit, subject, events)
    # A new process: what only lived in the memory of the old one is gone.
    await _once(kit, subject, [kit.forge.duplicate(one) for one in events])


async def _after_a_crash(kit: Kit, subject: Subject, events: Sequence[Delivery]) -> None:
    app = kit.app(subject, store=_Crashing(subject.store))
    for one in events:
        await _deliver(app, one)


async def _interrupted(kit: Kit, subject: Subject, events: Sequence[Delivery]) -> None:
    app = kit.app(subject, handler=_Interrupted(subject.handler))
    for one in events:
        await _deliver(app, one)


_WAYS: Final[dict[str, _Way]] = {
    "twice": _twice,
    "in parallel": _in_parallel,
    "late": _late,
    "after a crash": _after_a_crash,
    "interrupted": _interrupted,
}


@define
class _Crashing:
    """A store whose process dies between the handler and the first commit of each event."""

    inner: ReplayStore
    crashed: set[str] = field(factory=set)

    @property
    def keeps(self) -> timedelta | None:
        return self.inner.keeps

    async def claim(self, key: str, *, lease: timedelta, for_good: bool = False) -> Claim | Standing:
        return await self.inner.claim(key, lease=lease, for_good=for_good)

    async def commit(self, claim: Claim) -> bool:
        if claim.key in self.crashed:
            return await self.inner.commit(claim)
        self.crashed.add(claim.key)
        # The lease has run out by the time of the next delivery.
        await self.inner.release(claim)
        raise StoreFailed("crash", "the process died before the commit")

    async def release(self, claim: Claim) -> None:
        await self.inner.release(claim)


@define
class _Interrupted:
    """A handler that is stopped in the middle the first time that it sees an event."""

    inner: Handler
    seen: set[tuple[str, ...]] = field(factory=set)

    async def __call__(self, notification: Notification) -> None:
        if notification.identity in self.seen:
            await self.inner(notification)
            return
        self.seen.add(notification.identity)
        task = asyncio.ensure_future(self.inner(notification))
        await asyncio.sleep(0)
        if task.cancel():
            await asyncio.wait({task})
            raise StoreFailed("crash", "the process died in the middle")
        await task
