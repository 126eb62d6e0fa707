"""Hands on a running simulator, by name: what its page, its JSON and its command can do.  Knows no HTTP and no HTML."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from secrets import token_urlsafe
from typing import Any, Final

from attrs import asdict, define, field, fields

from ..errors import InvalidInput
from ..models import Money, format_time
from .dates import months_after
from .faults import Rule
from .notices import Notice
from .postman import Delivery, prefix_of
from .provider import Seen
from .records import Link
from .scenario import find_target, make_fault
from .simulator import Simulator
from .trouble import Trouble
from .verdict import code_of, why

#: Seconds between two looks at what is due.
PAUSE: Final = 0.1
#: Where the demo shop is; it alone goes by the simulator's clock.
SHOP: Final = "/_simulator/shop"

_log: Final = logging.getLogger("gopay_async")

Words = Mapping[str, str]


@define(eq=False)
class Console:
    """A simulator, the address its notifications go to, and the secret of its forms."""

    simulator: Simulator
    #: Where notifications are delivered by themselves; empty: nowhere.
    notify: str = ""
    #: The address of its own demo shop; it alone may be elsewhere than on loopback.
    shop: str = ""
    #: What every form carries, so that no other site can send one.
    form_token: str = field(factory=lambda: token_urlsafe(24), repr=False)

    def __attrs_post_init__(self) -> None:
        self.send_to(self.notify)

    def send_to(self, address: str) -> None:
        """Deliver to *address* from now on, nowhere when it is empty; raise InvalidInput unless it is on loopback."""
        is_fine = address in ("", self.shop)
        self.notify = address if is_fine else prefix_of(address)

    async def do(self, name: str, words: Words) -> None:
        """Carry out the command called *name*; raise InvalidInput."""
        command = COMMANDS.get(name)
        if command is None:
            raise InvalidInput("command", f"{name[:40]!r} is none of {', '.join(COMMANDS)}")
        await command(self, words)

    async def deliver(self) -> list[Delivery]:
        """Deliver what is due, if there is an address."""
        if not self.notify:
            return []
        is_shop = self.notify == self.shop
        return await self.simulator.deliver(self.notify, outside=not self.notify.endswith(SHOP), own=is_shop)

    async def keep_delivering(self) -> None:
        """Deliver what is due, for ever; a round that fails is logged."""
        while True:
            try:
                await self.deliver()
            except Exception:  # noqa: BLE001  # whatever goes wrong with one round, it must not be the last one
                _log.exception("notifications were not delivered")
            await asyncio.sleep(PAUSE)

    def request(self, number: int) -> Seen | None:
        """Return the request with *number*, None when it is not remembered."""
        return next((one for one in self.simulator.requests if one.number == number), None)

    def state(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        simulator = self.simulator
        return {
            "now": format_time(simulator.clock.now()),
            **simulator.snapshot(),
            "links": [_link(one) for one in simulator.books.people.links.values()],
            "requests": [_seen(simulator, one) for one in simulator.requests],
            "notify": self.notify,
            "outbox": [_notice(one) for one in simulator.outbox],
            "deliveries": [_delivery(one) for one in simulator.deliveries],
            "faults": [describe(one) for one in simulator.faults.rules],
            "trouble": asdict(simulator.trouble),
        }


# --- commands ---------------------------------------------------------------------------------------------------------

Command = Callable[[Console, Words], Awaitable[None]]


def _by_reference(act: Callable[[Simulator, str], object]) -> Command:
    async def command(console: Console, words: Words) -> None:
        act(console.simulator, _word(words, "reference"))

    return command


async def _refund(console: Console, words: Words) -> None:
    amount = Money(words["amount"]) if words.get("amount") else None
    console.simulator.refund(_word(words, "reference"), amount=amount, reason=words.get("reason", ""))


async def _fund(console: Console, words: Words) -> None:
    console.simulator.fund(Money(_word(words, "amount")))


async def _clock(console: Console, words: Words) -> None:
    clock = console.simulator.clock
    if words.get("months"):
        now = clock.now()
        clock.advance(months_after(now, min(int(_number(words, "months")), 1_200)) - now)
    else:
        clock.advance(timedelta(seconds=min(_number(words, "seconds"), 1e9)))
    console.simulator.run()


async def _reset(console: Console, _: Words) -> None:
    console.simulator.faults.clear()
    for one in fields(Trouble):
        setattr(console.simulator.trouble, one.name, one.default)
    console.simulator.reset()


async def _fault(console: Console, words: Words) -> None:
    plan, on = console.simulator.faults, find_target(words.get("on", ""))
    seconds = _number(words, "seconds") if words.get("seconds") else None
    processed = {"before": False, "after": True}.get(words.get("when", ""))
    fault = make_fault(_word(words, "fault"), seconds=seconds, processed=processed)
    if words.get("percent"):
        seed = int(_number(words, "seed")) if words.get("seed") else 0
        plan.at_random(_number(words, "percent") / 100, fault, on=on, seed=seed)
        return
    times = words.get("times", "")
    nth = int(_number(words, "nth")) if words.get("nth") else 1
    plan.add(fault, on=on, nth=nth, times=int(_number(words, "times")) if times else None)


async def _fault_off(console: Console, words: Words) -> None:
    plan, number = console.simulator.faults, int(_number(words, "number"))
    if not 0 <= number < len(plan.rules):
        raise InvalidInput("number", "there is no such fault")
    plan.remove(plan.rules[number])


async def _faults_off(console: Console, _: Words) -> None:
    console.simulator.faults.clear()


async def _trouble(console: Console, words: Words) -> None:
    """Set every switch: those that are not named are off, as with the boxes of a form."""
    trouble = console.simulator.trouble
    trouble.late = _number(words, "late") if words.get("late") else 0.0
    for name in ("duplicates", "reordered", "wrong_signature"):
        setattr(trouble, name, words.get(name, "") not in ("", "false"))


async def _rotate_key(console: Console, _: Words) -> None:
    console.simulator.rotate_notification_key()


async def _notify(console: Console, words: Words) -> None:
    console.send_to(words.get("to", "").strip())


async def _deliver(console: Console, words: Words) -> None:
    if words.get("to"):
        await _notify(console, words)
    await console.deliver()


async def _resend(console: Console, words: Words) -> None:
    log, number = console.simulator.deliveries, int(_number(words, "number"))
    if not 0 <= number < len(log):
        raise InvalidInput("number", "there is no such delivery")
    await console.simulator.resend(log[number])


async def _link_user(console: Console, _: Words) -> None:
    console.simulator.link()


async def _unlink(console: Console, words: Words) -> None:
    links = list(console.simulator.books.people.links.values())
    number = int(_number(words, "number"))
    if not 0 <= number < len(links) or not links[number].is_enabled:
        raise InvalidInput("number", "there is no such linked account")
    console.simulator.unlink(links[number])


COMMANDS: Final[Mapping[str, Command]] = {
    "pay": _by_reference(lambda simulator, reference: simulator.pay(reference)),
    "cancel": _by_reference(lambda simulator, reference: simulator.cancel(reference)),
    "expire": _by_reference(lambda simulator, reference: simulator.expire(reference)),
    "fail": _by_reference(lambda simulator, reference: simulator.fail(reference)),
    "deny": _by_reference(lambda simulator, reference: simulator.deny(reference)),
    "refund": _refund,
    "complete-top-up": _by_reference(lambda simulator, reference: simulator.complete_top_up(reference)),
    "fail-top-up": _by_reference(lambda simulator, reference: simulator.fail_top_up(reference)),
    "fund": _fund,
    "clock": _clock,
    "reset": _reset,
    "fault": _fault,
    "fault-off": _fault_off,
    "faults-off": _faults_off,
    "trouble": _trouble,
    "rotate-key": _rotate_key,
    "notify": _notify,
    "deliver": _deliver,
    "resend": _resend,
    "link": _link_user,
    "unlink": _unlink,
}


def _word(words: Words, name: str) -> str:
    if not words.get(name):
        raise InvalidInput(name, "is missing")
    return words[name]


def _number(words: Words, name: str) -> float:
    with suppress(ValueError):
        found = float(_word(words, name))
        if abs(found) < 1e10:
            return found
    raise InvalidInput(name, "must be a number")


# --- as JSON ----------------------------------------------------------------------------------------------------------


def describe(rule: Rule) -> dict[str, Any]:
    """Return what *rule* does, in words that JSON can hold."""
    target = rule.target
    return {
        "name": rule.fault.name,
        "on": target if target is None or isinstance(target, str) else target.__name__,
        "nth": rule.nth,
        "times": rule.times,
        "processed": rule.fault.processed,
        "seconds": rule.fault.seconds,
        "random": rule.chance is not None,
        "met": rule.met,
    }


def _seen(simulator: Simulator, one: Seen) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": format_time(one.at),
        "operation": one.operation.__name__ if one.operation else None,
        "method": one.request.method,
        "target": one.request.target,
        "status": one.status,
        "code": code_of(one),
        "why": why(simulator, one),
        "fault": one.fault,
        "findings": list(one.report.names) if one.report else [],
    }


def _link(one: Link) -> dict[str, Any]:
    return {"account_id": one.user.account_id, "enabled": one.is_enabled, "changed_at": format_time(one.changed_at)}


def _notice(one: Notice) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "path": one.path,
        "made_at": format_time(one.made_at),
        "due_at": format_time(one.due_at),
        "attempts": one.attempts,
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "kind": one.notice.kind,
        "url": one.url,
        "at": format_time(one.at),
        "status": one.status,
        "accepted": one.accepted,
    }
