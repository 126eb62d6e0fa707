"""Answers and refusals in the words of each API family.  Knows no rule and no state."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from attrs import frozen
from multidict import CIMultiDict

from .. import wire
from ..api import FetchBalanceMutation
from ..codes import CASES
from ..exchange import Response
from ..models import format_time
from ..operation import Answer, Endpoint, Family
from .call import Call
from .refusal import BadField, Defect, Refusal

#: What most pages print for a success, beside "Successful".
PROCESSED: Final = "Request has been processed successfully"
_SUCCESSFUL: Final = "Successful"


def respond(status: int, body: wire.Json, at: datetime, *, headers: dict[str, str] | None = None) -> Response:
    """Return *body* as a response of the provider at the time *at*."""
    told = {
        "Content-Type": "application/json",
        "X-TIMESTAMP": _clock_text(at.replace(microsecond=0)),
        **(headers or {}),
    }
    return Response(status, CIMultiDict(told), wire.dumps(body))


@lru_cache(maxsize=1)
def _clock_text(second: datetime) -> str:
    # Every answer within a second says the same.
    return format_time(second)


@frozen
class Said:
    """An answer with other words than 200 and Successful."""

    answer: Answer
    message: str
    status: int = 200


def accept(call: Call, answer: Answer | Said | Mapping[str, Any]) -> Response:
    """Return *answer*, or its wire form, as the family of *call* writes it."""
    body = _body(call, answer)
    status, body = _ACCEPTED[call.endpoint.family](call.endpoint, body)
    return respond(status, body, call.at)


def _body(call: Call, answer: Answer | Said | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(answer, Said):
        told = {"responseCode": f"{answer.status}{call.endpoint.service}00", "responseMessage": answer.message}
        return {**wire.unstructure(answer.answer), **told}
    return wire.unstructure(answer) if isinstance(answer, Answer) else dict(answer)


def refuse(call: Call, refusal: Refusal) -> Response:
    """Return *refusal* as the family of *call* writes it."""
    if refusal.whole is not None:
        return respond(refusal.status, refusal.whole, call.at)
    status, body = _REFUSED[call.endpoint.family](call, refusal)
    return respond(status, {**body, **refusal.extra}, call.at)


def refusal_of(call: Call, problem: BadField) -> Refusal:
    """Return the refusal that *problem* is in the family of *call*."""
    return _PROBLEMS[call.endpoint.family](call, problem)


# --- BI-SNAP -------------------------------------------------------------------------------------------------------


def _accept_snap(endpoint: Endpoint, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    code = body.pop("responseCode", "") or f"200{endpoint.service}00"
    message = body.pop("responseMessage", "") or _SUCCESSFUL
    return int(code[:3]), {"responseCode": code, "responseMessage": message, **body}


def _refuse_snap(call: Call, refusal: Refusal) -> tuple[int, dict[str, Any]]:
    message = refusal.message or CASES.get((refusal.status, refusal.case), "")
    code = f"{refusal.status}{call.endpoint.service}{refusal.case}"
    return refusal.status, {"responseCode": code, "responseMessage": message[:150]}


def _bad_in_snap(_: Call, problem: BadField) -> Refusal:
    if problem.defect is Defect.UNPARSABLE:
        return Refusal(400, "00", f"Bad Request. {problem.rule}")
    missing = problem.defect is Defect.MISSING
    case, words = ("02", "Invalid Mandatory Field") if missing else ("01", "Invalid Field Format")
    rule = f": {problem.rule}" if problem.rule else ""
    return Refusal(400, case, f"{words} {problem.name}{rule}")


# --- mini-app ------------------------------------------------------------------------------------------------------


def _accept_mini_app(_: Endpoint, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"success": True, **_without_code(body)}


def _refuse_mini_app(_: Call, refusal: Refusal) -> tuple[int, dict[str, Any]]:
    # Which HTTP status goes with which code is not listed.
    code = {"code": refusal.case} if refusal.case else {}
    return refusal.status, {"success": False, "error": {**code, "description": refusal.message}}


_MINI_APP: Final = {
    Defect.MISSING: ("303", "{} cannot be blank"),
    Defect.MALFORMED: ("310", "Malformed data: {}"),
    Defect.UNPARSABLE: ("902", "Malformed JSON"),
}


def _bad_in_mini_app(_: Call, problem: BadField) -> Refusal:
    code, words = _MINI_APP[problem.defect]
    return Refusal(400, code, words.format(problem.name))


# --- Core API ------------------------------------------------------------------------------------------------------


def _accept_core(_: Endpoint, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {**_without_code(body), "status_code": "200"}


def _refuse_core(_: Call, refusal: Refusal) -> tuple[int, dict[str, Any]]:
    # The page shows status_code only; this API often puts the error there under HTTP 200.
    status = 200 if refusal.status == 400 else refusal.status
    return status, {"status_code": str(refusal.status), "status_message": refusal.message}


def _bad_in_core(call: Call, problem: BadField) -> Refusal:
    words = f"{problem.name} is required" if problem.defect is Defect.MISSING else f"{problem.name} is invalid"
    if call.endpoint.path == FetchBalanceMutation.endpoint.path:
        return Refusal(400, whole={"error_messages": [words.replace("is required", "must not be empty")]})
    account = call.placed.get("account_id")
    extra = {**({"id": account} if account else {}), "validation_messages": [words]}
    return Refusal(400, message="One or more parameters in the payload is invalid.", extra=extra)


def _without_code(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("response_code", "response_message")}


_ACCEPTED: Final[dict[Family, Callable[[Endpoint, dict[str, Any]], tuple[int, dict[str, Any]]]]] = {
    Family.SNAP: _accept_snap,
    Family.APP: _accept_snap,
    Family.MINI_APP: _accept_mini_app,
    Family.CORE: _accept_core,
}
_REFUSED: Final[dict[Family, Callable[[Call, Refusal], tuple[int, dict[str, Any]]]]] = {
    Family.SNAP: _refuse_snap,
    Family.APP: _refuse_snap,
    Family.MINI_APP: _refuse_mini_app,
    Family.CORE: _refuse_core,
}
_PROBLEMS: Final[dict[Family, Callable[[Call, BadField], Refusal]]] = {
    Family.SNAP: _bad_in_snap,
    Family.APP: _bad_in_snap,
    Family.MINI_APP: _bad_in_mini_app,
    Family.CORE: _bad_in_core,
}
