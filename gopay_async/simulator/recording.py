"""Runs written down, and played again: requests, answers, faults and buttons, one JSON object a line.

Secrets are not written: what was signed well is signed again with the credentials of the simulator that replays it.
Bodies are, with the names and numbers of customers in them: the file is readable by its owner alone.
"""

import json
import os
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field, frozen
from multidict import CIMultiDict

from .. import signing
from ..api import OPERATIONS
from ..errors import InvalidInput
from ..exchange import Request, Response
from ..models import Money
from ..operation import Auth
from .clock import VirtualClock
from .faults import Fault, FaultPlan
from .mishaps import Outcome
from .provider import Seen
from .records import Link, MadeRefund, User
from .routes import Route
from .simulator import Simulator

FORMAT: Final = 1
AUTH_OF: Final = {one.__name__: one.endpoint.auth for one in OPERATIONS}


class RecordedSimulator(Simulator):
    """A simulator that writes down what happens to it, to the file at *path*; *options* are those of `Simulator`.

    It needs a seed, so that its ids and tokens come again, and makes one when none is given.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        if options.get("seed") is None:
            options["seed"] = int.from_bytes(os.urandom(4), "big")
        super().__init__(**options)
        # From here on everything follows from the seed, whatever the simulator was given.
        super().reset()
        self._turn = 0
        self._met: dict[int, Fault] = {}
        self._path = Path(path)
        self._path.unlink(missing_ok=True)
        self._write({"format": FORMAT, "seed": options["seed"], "start": self.clock.now().isoformat()})

    async def respond(self, request: Request) -> Outcome:
        """Return what *request* comes to, and write both down."""
        self.run()
        turn, at, number = self._next(), self.clock.now(), self._number + 1
        outcome = await super().respond(request)
        seen = next(one for one in reversed(self.requests) if one.request is request)
        fault = self._met.pop(number, None)
        self._write(_request_event(turn, at, seen, fault))
        return outcome

    async def _go_wrong(self, fault: Fault, route: Route, seen: Seen, headers: "CIMultiDict[str]") -> Outcome:
        self._met[seen.number] = fault
        return await super()._go_wrong(fault, route, seen, headers)

    def _next(self) -> int:
        self._turn += 1
        return self._turn

    def _pressed(self, name: str, **words: str | int | None) -> None:
        self.run()
        self._write({"turn": self._next(), "at": self.clock.now().isoformat(), "do": name, "words": words})

    def _write(self, event: Mapping[str, Any]) -> None:
        # Opened each time, so that nobody has to close it, and a run that is killed is written down to its end.
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    # --- what changes the state without a request ---

    def reset(self) -> None:
        """Forget everything that happened."""
        self._pressed("reset")
        super().reset()

    def auth_code(self, user: User | None = None) -> str:
        """Return an auth code."""
        self._pressed("auth_code", user=_place(self, user))
        return super().auth_code(user)

    def link(self, user: User | None = None) -> Link:
        """Link a customer."""
        self._pressed("link", user=_place(self, user))
        return super().link(user)

    def unlink(self, link: Link) -> None:
        """Let the customer take the permission back."""
        self._pressed("unlink", link=link.token)
        super().unlink(link)

    def rotate(self, link: Link) -> Link:
        """Give a linked customer new tokens."""
        self._pressed("rotate", link=link.token)
        return super().rotate(link)

    def pay(self, reference_no: str) -> None:
        """Let the customer pay."""
        self._pressed("pay", reference_no=reference_no)
        super().pay(reference_no)

    def cancel(self, reference_no: str) -> None:
        """Let the customer cancel."""
        self._pressed("cancel", reference_no=reference_no)
        super().cancel(reference_no)

    def expire(self, reference_no: str) -> None:
        """Let the payment expire now."""
        self._pressed("expire", reference_no=reference_no)
        super().expire(reference_no)

    def fail(self, reference_no: str) -> None:
        """Let paying fail."""
        self._pressed("fail", reference_no=reference_no)
        super().fail(reference_no)

    def deny(self, reference_no: str) -> None:
        """Let the payment be rejected as fraud."""
        self._pressed("deny", reference_no=reference_no)
        super().deny(reference_no)

    def refund(self, reference_no: str, *, amount: Money | None = None, reason: str = "") -> MadeRefund:
        """Give money back to the customer."""
        told = None if amount is None else str(amount)
        self._pressed("refund", reference_no=reference_no, amount=told, reason=reason)
        return super().refund(reference_no, amount=amount, reason=reason)

    def complete_top_up(self, partner_reference_no: str) -> None:
        """Let the money of an accepted top-up arrive."""
        self._pressed("complete_top_up", partner_reference_no=partner_reference_no)
        super().complete_top_up(partner_reference_no)

    def fail_top_up(self, partner_reference_no: str) -> None:
        """Let a top-up fail."""
        self._pressed("fail_top_up", partner_reference_no=partner_reference_no)
        super().fail_top_up(partner_reference_no)

    def fund(self, amount: Money) -> None:
        """Put money into the account that top-ups are paid from."""
        self._pressed("fund", amount=str(amount))
        super().fund(amount)


def _place(simulator: Simulator, user: User | None) -> int | None:
    return None if user is None else list(simulator.books.people.users.values()).index(user)


def _request_event(turn: int, at: datetime, seen: Seen, fault: Fault | None) -> dict[str, Any]:
    request, response = seen.request, seen.response
    return {
        "turn": turn,
        "at": at.isoformat(),
        "operation": seen.operation.__name__ if seen.operation else None,
        "method": request.method,
        "base": request.base,
        "target": request.target,
        "headers": {name: value for name, value in request.headers.items() if not _is_secret(name, value)},
        "body": b64encode(request.body).decode(),
        "accepted": seen.report is not None and seen.report.accepted,
        "fault": {"name": fault.name, "processed": fault.processed, "seconds": fault.seconds} if fault else None,
        "status": response.status if response else None,
        "answer": b64encode(response.body).decode() if response else None,
    }


def _is_secret(name: str, value: str) -> bool:
    return name.lower() == "authorization" and value.lower().startswith("basic")


# --- the way back ----------------------------------------------------------------------------------------------------


@frozen
class Departed:
    """An answer that was another one in the replay."""

    turn: int
    operation: str
    recorded: tuple[int | None, bytes]
    replayed: tuple[int | None, bytes]


@define(eq=False)
class Replayed:
    """A run that was played again."""

    #: In the state in which the run ended.
    simulator: Simulator
    #: Where it went another way; empty for a faithful replay.
    departures: list[Departed] = field(factory=list)


def recorded_faults(path: str | Path) -> FaultPlan:
    """Return the plan that lets the faults of a recorded run happen again, the third top-up's to the third top-up.

    Raises InvalidInput for a file of another kind, and OSError.
    """
    plan, met = FaultPlan(), Counter[str]()
    for event in _events(path)[1]:
        name = event.get("operation")
        if name is None:
            continue
        met[name] += 1
        if event["fault"]:
            plan.add(Fault(**event["fault"]), on=name, nth=met[name])
    return plan


async def replay(path: str | Path, **options: Any) -> Replayed:
    """Play a recorded run again in a new simulator with *options*, which are those of `Simulator`.

    A run with a policy of its own, or with credentials that were given, needs them again.
    """
    head, events = _events(path)
    clock = VirtualClock(datetime.fromisoformat(head["start"]))
    simulator = Simulator(clock=clock, seed=head["seed"], **options)
    simulator.reset()
    done = Replayed(simulator)
    for event in events:
        clock.advance(max(0.0, (datetime.fromisoformat(event["at"]) - clock.now()).total_seconds()))
        simulator.run()
        if "do" in event:
            _press(simulator, event["do"], event["words"])
        else:
            await _ask(done, event)
    return done


def _events(path: str | Path) -> tuple[dict[str, Any], Iterable[dict[str, Any]]]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    head: dict[str, Any] = {}
    events: list[dict[str, Any]] = []
    try:
        head, *events = [json.loads(line) for line in lines]
        known = head.get("format") == FORMAT
    except (ValueError, AttributeError):
        known = False
    if not known:
        raise InvalidInput("recording", "is not a run that this version has recorded")
    return head, sorted(events, key=lambda event: int(event["turn"]))


def _press(simulator: Simulator, name: str, words: dict[str, Any]) -> None:
    people = simulator.books.people
    if words.get("user") is not None:
        words["user"] = list(people.users.values())[words["user"]]
    if "link" in words:
        words["link"] = people.links[words["link"]]
    if words.get("amount") is not None:
        words["amount"] = Money(words["amount"])
    # What was refused then is refused now.
    with suppress(InvalidInput):
        getattr(simulator, name)(**words)


async def _ask(done: Replayed, event: Mapping[str, Any]) -> None:
    simulator = done.simulator
    simulator.faults.clear()
    if event["fault"]:
        simulator.faults.add(Fault(**event["fault"]))
    outcome = await simulator.respond(_restored(simulator, event))
    recorded = (event["status"], b64decode(event["answer"] or ""))
    replayed = _as_pair(outcome.response)
    if recorded != replayed:
        done.departures.append(Departed(event["turn"], str(event["operation"]), recorded, replayed))


def _as_pair(response: Response | None) -> tuple[int | None, bytes]:
    return (response.status, response.body) if response else (None, b"")


def _restored(simulator: Simulator, event: Mapping[str, Any]) -> Request:
    made = Request(event["method"], event["base"], event["target"], event["headers"], b64decode(event["body"]))
    if not event["accepted"]:
        return made
    return evolve(made, headers={**made.headers, **_signed(simulator, made, event["operation"])})


def _signed(simulator: Simulator, request: Request, operation: str) -> dict[str, str]:
    """Return the headers that prove who asks, made with the credentials of *simulator*."""
    own, headers = simulator.credentials, CIMultiDict(request.headers)
    auth = AUTH_OF[operation]
    if auth is Auth.SERVER_KEY:
        return {"Authorization": f"Basic {b64encode(f'{own.server_key}:'.encode()).decode()}"}
    if auth is Auth.MINI_APP:
        return {"Authorization": f"Basic {own.mini_app_credential}"}
    if auth is Auth.CLIENT_KEY:
        assert own.private_key is not None  # the simulator completes the credentials it is given
        text = signing.token_string(str(own.client_id), headers["X-TIMESTAMP"])
        return {"X-CLIENT-KEY": str(own.client_id), "X-SIGNATURE": signing.sign_rsa(text, own.private_key)}
    if auth is Auth.ACCESS_TOKEN:
        token = headers["Authorization"].partition(" ")[2]
        text = signing.transaction_string(request.method, request.target, token, request.body, headers["X-TIMESTAMP"])
        return {"X-PARTNER-ID": str(own.partner_id), "X-SIGNATURE": signing.sign_hmac(text, str(own.client_secret))}
    return {}
