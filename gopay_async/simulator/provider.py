"""From a request to its answer: route, gate, replay, handler, envelope.  Knows no connection and no fault."""

from datetime import datetime
from typing import Any, Final

from attrs import define, field
from multidict import CIMultiDict

from ..api import OPERATIONS
from ..exchange import Request, Response
from ..operation import Endpoint, Operation
from .books import Books
from .call import Call
from .envelope import accept, refusal_of, refuse, respond
from .gate import Gate
from .handlers import HANDLERS
from .reading import read
from .refusal import BadField, Defect, Refusal
from .replays import Repeat, Replays, rule_of
from .report import Report
from .routes import NoRoute, Route, Routes

#: Paths of the documents that are not the right ones, so that a signature over one is recognised (quirk Q-PTH-1).
MISPRINTS: Final = ("/v1.0/emoney-topup",)
ROUTES: Final = Routes.of(OPERATIONS)


@define(eq=False)
class Seen:
    """A request that arrived, what was found and what was answered: one line of the log."""

    number: int
    at: datetime
    request: Request
    #: None where nothing is served.
    operation: type[Operation[Any]] | None = None
    #: None when the request never got to the gate.
    report: Report | None = None
    #: None when there was no answer.
    response: Response | None = None
    #: The name of the fault that was injected, empty when none was.
    fault: str = ""

    @property
    def status(self) -> int | None:
        """HTTP status of the answer."""
        return self.response.status if self.response else None


@define(eq=False)
class Provider:
    """The simulated provider, without time and network."""

    books: Books
    gate: Gate
    replays: Replays = field(factory=Replays)
    routes: Routes = ROUTES

    def find(self, request: Request, headers: "CIMultiDict[str]") -> Route:
        """Return what *request* is for; raise NoRoute."""
        return self.routes.find(request, headers)

    def answer(self, request: Request, headers: "CIMultiDict[str]", route: Route, seen: Seen) -> Response:
        """Return the answer to *request* at the provider's time, which stands in *seen*."""
        call = Call(
            request=request,
            headers=headers,
            path=route.path,
            placed=route.placed,
            operation=route.operation,
            at=seen.at,
        )
        report = seen.report = self.gate.check(call)
        if report.fault is not None:
            finding = report.fault
            said = ": ".join(part for part in (finding.message, finding.text) if part)
            return refuse(call, Refusal(finding.status, finding.case, said))
        return self._replayed(call)

    def _replayed(self, call: Call) -> Response:
        rule = rule_of(call.endpoint)
        if rule is Repeat.PROCESSED or not call.external_id:
            return self._processed(call)
        # Not documented: whether an id counts per merchant or per call. Per call is what "idempotency key" suggests.
        scope = f"{call.path} {call.user.auth_token if call.user else ''}"
        known = self.replays.find(scope, call.external_id, call.at)
        if known is not None and known.answer is not None:
            return known.answer
        if known is not None and rule is not Repeat.REPLAYED:
            return refuse(call, Refusal(409, "00"))
        response = self._processed(call)
        self.replays.keep(scope, call.external_id, rule, call.at, response)
        return response

    def _processed(self, call: Call) -> Response:
        handler = HANDLERS.get(call.operation)
        if handler is None:
            return refuse(call, Refusal(405, "00"))
        try:
            operation = read(call, self.gate.credentials)
            _check_id(call, operation)
            return accept(call, handler(self.books, operation, call))
        except BadField as problem:
            return refuse(call, refusal_of(call, problem))
        except Refusal as refusal:
            return refuse(call, refusal)


def not_served(problem: NoRoute, at: datetime) -> Response:
    """Return the answer where nothing is served; what the provider says there is not documented."""
    return respond(problem.status, {"responseCode": f"{problem.status}0000", "responseMessage": problem.message}, at)


def _check_id(call: Call, operation: Operation[Any]) -> None:
    """QRIS: the id of the request must be the reference in its body."""
    name = _id_field(call.endpoint)
    if name and getattr(operation, name) != call.external_id:
        raise BadField(Defect.MALFORMED, "X-EXTERNAL-ID", f"must equal {name}")


def _id_field(endpoint: Endpoint) -> str:
    return endpoint.id_field or ""
