"""One operation as messages: signed request out, answer or verdict in.  Knows no connection and no clock."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import cache
from typing import Any
from urllib.parse import quote

from attrs import evolve, field, fields, frozen

from . import wire
from .codes import ResponseCode
from .credentials import SNAP, Credentials, Customer
from .errors import (
    CustomerTokenRejected,
    Duplicate,
    InvalidInput,
    NotFound,
    OperationError,
    RateLimited,
    Received,
    Refused,
    SuspectedFraud,
    Unauthorized,
    Unreadable,
)
from .fields import PLACES, camel, spelling
from .models import format_time, parse_time
from .operation import Answer, Auth, Family, Need, Operation
from .proofs import HEADERS, Proof


@frozen
class Request:
    """What goes out: exactly these bytes to exactly this target."""

    method: str
    base: str
    #: Path and query, percent-encoded once: the text that is signed.
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@frozen
class Response:
    """What came back."""

    status: int
    #: Case-insensitive.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Return the header *name*; empty when it is absent."""
        return self.headers.get(name) or ""


class Word(Enum):
    """What may have happened: the three words of an error, and the fourth for an answer."""

    ANSWERED = "answered"
    NOT_SENT = "not sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@frozen
class Verdict:
    """What one attempt came to."""

    word: Word
    reason: str = ""
    received: Received | None = None
    answer: Answer | None = None
    error: type[OperationError] | None = None
    #: Whether the same bytes, sent again under the same id, could be answered better.
    again: bool = False


# --- out -----------------------------------------------------------------------------------------------------------


def check(operation: Operation[Any], credentials: Credentials, customer: Customer | None) -> None:
    """Raise what *operation* lacks before any network: ConfigurationError for credentials, InvalidInput otherwise."""
    endpoint, name = operation.endpoint, type(operation).__name__
    for needed in _needed(type(operation)):  # type: ignore[arg-type]  # mypy takes the class for an instance
        if getattr(credentials, needed) is None and getattr(operation, needed, None) is None:
            credentials.require(_missing(operation), purpose=name)
    if customer is None and endpoint.customer is Need.REQUIRED:
        raise InvalidInput("customer", f"{name} is made for one customer: pass customer=Customer(token)")
    if customer is not None and endpoint.customer is Need.NEVER:
        raise InvalidInput("customer", f"{name} must not carry the token of a customer")
    if endpoint.instead and (customer is None) == (getattr(operation, endpoint.instead) is None):
        raise InvalidInput("customer", f"{name} takes either customer=Customer(token) or {endpoint.instead}, not both")
    if endpoint.device:
        _check_device(name, getattr(operation, "device_id", None), customer)


def _check_device(name: str, own: str | None, customer: Customer | None) -> None:
    if customer is None and own is None:
        raise InvalidInput("device_id", f"{name} needs X-DEVICE-ID: pass device_id, as no customer has it here")
    if customer is not None and own is not None:
        raise InvalidInput("device_id", "is taken from the customer: leave it out here")
    if customer is not None and customer.device_id is None:
        raise InvalidInput("customer.device_id", f"{name} needs X-DEVICE-ID: pass Customer(token, device_id=...)")


@cache
def _needed(kind: type[Operation[Any]]) -> tuple[str, ...]:
    given = (value for value in kind.endpoint.fills.values() if value in _FROM_CREDENTIALS)
    return (*_NEEDS[kind.endpoint.auth], *given)


def _missing(operation: Operation[Any]) -> tuple[str, ...]:
    names = _needed(type(operation))  # type: ignore[arg-type]  # as above
    return tuple(name for name in names if getattr(operation, name, None) is None)


_FROM_CREDENTIALS = ("merchant_id", "payment_handle")
_NEEDS: dict[Auth, tuple[str, ...]] = {
    Auth.CLIENT_KEY: ("client_id", "private_key"),
    Auth.ACCESS_TOKEN: SNAP,
    Auth.SERVER_KEY: ("server_key",),
    Auth.MINI_APP: ("mini_app_credential",),
    Auth.USER_TOKEN: (),
}


def check_external_id(operation: Operation[Any], external_id: str) -> None:
    """Raise InvalidInput when the provider would not take *external_id* for *operation*."""
    if not isinstance(external_id, str) or not 1 <= len(external_id) <= 36 or not external_id.isascii():
        raise InvalidInput("external_id", "must have 1 to 36 ASCII characters; new_external_id() makes one")
    if external_id.isdigit():
        return
    if operation.endpoint.numeric_id:
        raise InvalidInput("external_id", "must be digits only for payouts; new_external_id() makes one")
    if not external_id.replace("-", "").isalnum():
        raise InvalidInput("external_id", "may hold letters, digits and - only; new_external_id() makes one")


def serialise(
    operation: Operation[Any], credentials: Credentials, *, access_token: str = "", customer: Customer | None = None
) -> bytes:
    """Return the body's bytes: the only place where they are made."""
    endpoint = operation.endpoint
    if endpoint.method in ("GET", "DELETE"):
        return b""
    body = operation.adapt(wire.unstructure(operation))
    if endpoint.fills or endpoint.offers:
        _fill(body, operation, credentials, access_token, customer)
    return wire.dumps(body)


def _fill(
    body: dict[str, Any],
    operation: Operation[Any],
    credentials: Credentials,
    access_token: str,
    customer: Customer | None,
) -> None:
    """Put into *body* what is not the caller's to give."""
    endpoint = operation.endpoint
    values = {
        "access_token": access_token,
        "customer_token": customer.token if customer else None,
        "merchant_id": credentials.merchant_id,
        "payment_handle": credentials.payment_handle,
    }
    for name, source in (*endpoint.fills.items(), *endpoint.offers.items()):
        if name not in body and values[source] is not None:
            body[name] = values[source]


def target(operation: Operation[Any]) -> str:
    """Return path and query of *operation*, each value percent-encoded exactly once."""
    path, query = operation.endpoint.path, []
    for name, place, wire_name in _placed(type(operation)):  # type: ignore[arg-type]  # mypy takes the class for an instance
        value = getattr(operation, name)
        if value is None:
            continue
        encoded = quote(_plain(value), safe="")
        if place == "path":
            path = path.replace(f"{{{wire_name}}}", encoded)
        elif place == "query":
            query.append(f"{wire_name}={encoded}")
    return f"{path}?{'&'.join(query)}" if query else path


@cache
def _placed(kind: type[Any]) -> tuple[tuple[str, str, str], ...]:
    pairs = ((one.name, spelling(one)) for one in fields(kind))
    return tuple((name, place, found.name) for name, found in pairs if found for place in PLACES & found.marks)


def _plain(value: object) -> str:
    return format_time(value) if isinstance(value, datetime) else str(value)


def build(
    operation: Operation[Any],
    credentials: Credentials,
    *,
    base: str,
    external_id: str,
    at: datetime,
    body: bytes,
    access_token: str = "",
    customer: Customer | None = None,
) -> Request:
    """Return the request that carries *body*, signed at the moment *at*."""
    endpoint = operation.endpoint
    where = target(operation)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
    if body or endpoint.family in (Family.SNAP, Family.CORE):
        headers["Content-Type"] = "application/json"
    proof = Proof(endpoint.method, where, body, format_time(at), external_id, access_token, customer)
    headers.update(HEADERS[endpoint.auth](credentials, proof))
    for name, spelled in _in_headers(type(operation)):  # type: ignore[arg-type]  # as above
        if (value := getattr(operation, name)) is not None:
            headers[spelled] = value
    return Request(endpoint.method, base, where, headers, body)


@cache
def _in_headers(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    placed = _placed(kind)  # type: ignore[arg-type]  # as above
    return tuple((name, spelled) for name, place, spelled in placed if place == "header")


USER_AGENT = "gopay-async"


# --- in ------------------------------------------------------------------------------------------------------------


def read(operation: Operation[Any], external_id: str, response: Response) -> Verdict:
    """Return what *response* means for *operation* (rule: outcome before status)."""
    status = response.status
    if 300 <= status < 400:
        return _unknown(f"HTTP {status}: redirects are never followed", Received(status, raw=response.body))
    try:
        raw = wire.loads(response.body)
    except Unreadable as error:
        received = Received(status, raw=response.body, retry_after=_retry_after(response))
        if status == 429:
            return Verdict(Word.REFUSED, "", received, error=RateLimited)
        return _unknown(f"HTTP {status} with an unreadable answer ({error})", received, again=True)
    return _READERS[operation.endpoint.family](operation, external_id, response, raw)


def _unknown(reason: str, received: Received | None = None, *, again: bool = False) -> Verdict:
    return Verdict(Word.UNKNOWN, reason, received, again=again)


def _retry_after(response: Response) -> float | None:
    text = response.header("Retry-After")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _read_snap(operation: Operation[Any], external_id: str, response: Response, raw: dict[str, Any]) -> Verdict:
    status, code = response.status, ResponseCode.parse(raw.get("responseCode"))
    received = _received(response, raw.get("responseCode"), raw.get("responseMessage"))
    if status == 429:
        return Verdict(Word.REFUSED, "", received, error=RateLimited)
    if status < 300 and (operation.endpoint.auth is Auth.CLIENT_KEY or (code and code.status < 300)):
        return _answered(operation, external_id, received, raw)
    if code is None:
        return _unknown(f"HTTP {status} without a response code", received, again=True)
    if code.status != status:
        return _unknown(f"HTTP {status} contradicts response code {code.text}", received, again=status >= 500)
    if status == 409:
        return Verdict(Word.UNKNOWN, _HELD, received, error=Duplicate if code.is_duplicate else None)
    if status >= 500 or status == 408 or code.is_inconsistent:
        return _unknown(f"HTTP {status}", received, again=not code.is_inconsistent)
    return Verdict(Word.REFUSED, "", received, error=code.error)


_HELD = "the provider already holds a request with this id or reference"


def _read_mini_app(operation: Operation[Any], external_id: str, response: Response, raw: dict[str, Any]) -> Verdict:
    status, success = response.status, raw.get("success")
    said = {**_mapping(raw.get("data")), **_mapping(raw.get("error"))}
    code = str(said.get("code") or "")
    received = _received(response, code, said.get("description"))
    if code == "4060":
        return Verdict(Word.REFUSED, "", received, error=SuspectedFraud)
    if status == 429:
        return Verdict(Word.REFUSED, "", received, error=RateLimited)
    if success is True and status < 300:
        return _answered(operation, external_id, received, raw)
    if success is False and status < 500:
        rejected = status == 401 or code == "110"
        return Verdict(Word.REFUSED, "", received, error=CustomerTokenRejected if rejected else Refused)
    return _unknown(f"HTTP {status} with success={success!r}"[:60], received, again=status >= 500)


def _read_core(operation: Operation[Any], external_id: str, response: Response, raw: dict[str, Any]) -> Verdict:
    # Errors of this API often stand in `status_code` under HTTP 200: the worse of the two counts.
    stated = str(raw.get("status_code") or response.status)
    status = max(response.status, int(stated) if re.fullmatch(r"[1-5]\d\d", stated, re.ASCII) else 0)
    messages = raw.get("error_messages") or raw.get("validation_messages") or ()
    said = raw.get("status_message") or "; ".join(map(str, messages if isinstance(messages, list) else ()))
    received = _received(response, stated, said)
    if status < 300:
        return _answered(operation, external_id, received, raw)
    if status in (408, 409) or not 400 <= status < 500:
        return _unknown(f"HTTP {response.status}", received, again=status >= 500)
    return Verdict(Word.REFUSED, "", received, error=_CORE.get(status, Refused))


_CORE: dict[int, type[Refused]] = {401: Unauthorized, 404: NotFound, 429: RateLimited}
_READERS: dict[Family, Callable[[Operation[Any], str, Response, dict[str, Any]], Verdict]] = {
    Family.SNAP: _read_snap,
    Family.CORE: _read_core,
    Family.MINI_APP: _read_mini_app,
}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _received(response: Response, code: object, message: object) -> Received:
    said = str(message or "")[:4000]
    patience = _retry_after(response) if response.status >= 400 else None
    return Received(response.status, str(code or "")[:40], said, response.body, patience)


def masked(received: Received | None, secrets: Iterable[str]) -> Received | None:
    """Return *received* with a message that shows none of *secrets*, for the provider may repeat what it was sent."""
    if received is None or not received.message:
        return received
    message = received.message
    for secret in secrets:
        # Short values, a "Y" or a city, stand in many an innocent word.
        message = message.replace(secret, "***") if len(secret) >= 5 else message
    return evolve(received, message=message[:500])


def _answered(operation: Operation[Any], external_id: str, received: Received, raw: dict[str, Any]) -> Verdict:
    other = _other_reference(operation, raw)
    if other:
        return _unknown(f"the answer names another {other} than the one that was sent", received)
    try:
        # Outside BI-SNAP nothing is called responseCode: every answer still says code and message under one name.
        answer = wire.structure(
            operation.answer,
            raw,
            external_id=external_id,
            raw=raw,
            response_code=received.code,
            response_message=received.message,
        )
    except (wire.Misfit, ValueError) as error:
        return _unknown(f"the answer lacks {error}, or it cannot be read", received, again=True)
    return Verdict(Word.ANSWERED, received=received, answer=answer)


def _other_reference(operation: Operation[Any], raw: Mapping[str, Any]) -> str:
    for name, wire_name in _REFERENCES:
        named = raw.get(wire_name)
        if named is None:
            continue
        sent = getattr(operation, name, None)
        if sent and named and sent != named and not _is_cut(sent, named):
            return wire_name
    return ""


_REFERENCES = tuple((name, camel(name)) for name in ("partner_reference_no", "original_partner_reference_no"))


def _is_cut(sent: str, named: object) -> bool:
    # Some pages allow 64 characters in the request and 32 in the answer (quirk Q-FLD-14).
    return isinstance(named, str) and len(named) >= 32 and sent.startswith(named)


def skew(response: Response, now: datetime) -> timedelta | None:
    """Return how far the provider's clock is ahead of *now*; None when its answer carries no readable time."""
    try:
        return parse_time(response.header("X-TIMESTAMP")) - now
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(response.header("Date")) - now
    except (ValueError, TypeError, OverflowError):
        return None
