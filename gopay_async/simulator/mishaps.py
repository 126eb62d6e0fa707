"""What a fault does to an answer.  Knows no socket: it says what is to happen to the connection."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from attrs import evolve, frozen
from multidict import CIMultiDict

from .. import wire
from ..exchange import Response
from .envelope import respond
from .faults import Fault
from .provider import Seen


class Ending(Enum):
    """What becomes of the connection."""

    ANSWERED = "the whole answer"
    TRUNCATED = "the first half of the answer"
    CLOSED = "closed without an answer"
    RESET = "reset"
    HUNG = "left open, never answered"


@frozen
class Outcome:
    """What a request comes to."""

    ending: Ending
    response: Response | None = None
    #: Whether the request was not even taken.
    unsent: bool = False


_ENDINGS: Final = {
    "drop-before": Outcome(Ending.CLOSED, unsent=True),
    "drop-after": Outcome(Ending.CLOSED),
    "hang": Outcome(Ending.HUNG),
    "reset": Outcome(Ending.RESET),
}


def strike(fault: Fault, response: Response | None, seen: Seen) -> Outcome:
    """Return what *fault* makes of *response*, which is None when nothing was processed."""
    if fault.name in _ENDINGS:
        return _ENDINGS[fault.name]
    if fault.name in _REPLACED:
        return Outcome(Ending.ANSWERED, _REPLACED[fault.name](fault, seen))
    assert response is not None  # what is left changes an answer, and none of it can come before one
    if fault.name == "truncated":
        return Outcome(Ending.TRUNCATED, response)
    change = _CHANGED.get(fault.name)
    return Outcome(Ending.ANSWERED, change(response) if change else response)


def _error(status: int, case: str, message: str) -> Callable[[Fault, Seen], Response]:
    def make(fault: Fault, seen: Seen) -> Response:
        endpoint = seen.operation.endpoint if seen.operation else None
        service = endpoint.service if endpoint else None
        code = f"{status}{service or '00'}{case}"
        body = {"responseCode": code, "responseMessage": message} if service else _other_error(message)
        headers = {"Retry-After": f"{fault.seconds:.0f}"} if status == 429 else {}
        return respond(status, body, seen.at, headers=headers)

    return make


def _other_error(message: str) -> dict[str, Any]:
    return {"success": False, "error": {"code": "900", "description": message}}


def _page(status: int, title: str) -> Callable[[Fault, Seen], Response]:
    html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()
    return lambda fault, seen: Response(status, CIMultiDict({"Content-Type": "text/html"}), html)


#: Faults that put another answer in the place of the right one.
_REPLACED: Final[dict[str, Callable[[Fault, Seen], Response]]] = {
    "error": _error(500, "01", "Internal Server Error"),
    "timeout": _error(504, "00", "Timeout"),
    "rate-limited": _error(429, "00", "Too Many Requests"),
    "bad-gateway": _page(502, "502 Bad Gateway"),
    "wrong-content": _page(200, "Welcome to the hotel"),
}


def _malformed(response: Response) -> Response:
    return evolve(response, body=response.body.replace(b":", b"=", 1))


def _edited(edit: Callable[[dict[str, Any]], None]) -> Callable[[Response], Response]:
    def change(response: Response) -> Response:
        body = wire.loads(response.body)
        edit(body)
        return evolve(response, body=wire.dumps(body))

    return change


def _add_field(body: dict[str, Any]) -> None:
    body["tomorrowsField"] = {"nested": ["value"]}


def _unknown_status(body: dict[str, Any]) -> None:
    if "latestTransactionStatus" in body:
        body["latestTransactionStatus"] = "42"


def _number(body: dict[str, Any]) -> None:
    if "expiresIn" in body:
        body["expiresIn"] = int(body["expiresIn"])


def _another(body: dict[str, Any]) -> None:
    for name in ("partnerReferenceNo", "originalPartnerReferenceNo"):
        if name in body:
            body[name] = "somebody-elses-reference"


#: Faults that change the right answer.
_CHANGED: Final[dict[str, Callable[[Response], Response]]] = {
    "malformed-json": _malformed,
    "unknown-field": _edited(_add_field),
    "unknown-status": _edited(_unknown_status),
    "numeric-expiry": _edited(_number),
    "other-answer": _edited(_another),
}
