"""From the bytes of a request to the operation they stand for, checked by its own rules.  Knows no signature."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs
from attrs import frozen

from .. import wire
from ..credentials import Credentials
from ..errors import InvalidInput, Unreadable
from ..fields import Spelling, spelling
from ..operation import Operation
from .call import Call
from .refusal import BadField, Defect, Refusal


def read(call: Call, credentials: Credentials) -> Operation[Any]:
    """Return the operation that *call* asks for; raise BadField, named as on the wire, or Refusal."""
    kind = call.operation
    body = _body(call)
    _check_constants(kind, body)
    _check_filled(call, body, credentials)
    try:
        operation = wire.structure(kind, body, **_placed(call))
    except wire.Misfit as misfit:
        defect = Defect.MISSING if _value(body, str(misfit)) is None else Defect.MALFORMED
        raise BadField(defect, str(misfit)) from None
    except InvalidInput as error:
        raise _bad(kind, error) from None
    _check_overlooked(operation, body)
    return operation


def _body(call: Call) -> dict[str, Any]:
    if call.endpoint.method in ("GET", "DELETE"):
        return {}
    try:
        return wire.loads(call.request.body)
    except Unreadable as error:
        raise BadField(Defect.UNPARSABLE, "body", str(error)) from None


@frozen
class _Plan:
    """What has to be looked at besides the fields that `wire` reads."""

    #: Attribute -> wire name, for every field.
    names: dict[str, str]
    #: Fields whose value is fixed: wire names and the value.
    constants: list[tuple[tuple[str, ...], Any]]
    #: Optional fields: attribute, where they stand, what the attribute is when they were left out.
    optional: list[tuple[str, Spelling, Any]]
    #: Fields of path and query.
    placed: list[tuple[str, Spelling, bool]]


#: Stands for the default of a field that follows from others.
COMPUTED: Final = object()
_plans: dict[type[Any], _Plan] = {}


def _plan(kind: type[Any]) -> _Plan:
    if kind not in _plans:
        _plans[kind] = _made(kind)
    return _plans[kind]


def _made(kind: type[Any]) -> _Plan:
    plan = _Plan({}, [], [], [])
    assert isinstance(kind, type)
    pairs = ((one, spelling(one)) for one in attrs.fields(kind))
    for one, found in ((one, found) for one, found in pairs if found):
        plan.names[one.name] = ".".join((*found.within, found.name)).replace("[]", "")
        if found.marks & {"path", "query"}:
            plan.placed.append((one.name, found, one.default is attrs.NOTHING))
        elif not one.init and isinstance(one.default, str):
            # The official PHP and Node SDKs write grant_type (quirk Q-TOK-3), and the provider takes it.
            plan.constants.append(((found.name, one.name), one.default))
        elif one.default is not attrs.NOTHING:
            plan.optional.append((one.name, found, one.default if one.init else COMPUTED))
    return plan


def _check_constants(kind: type[Any], body: Mapping[str, Any]) -> None:
    for names, expected in _plan(kind).constants:
        value = next((body[name] for name in names if name in body), None)
        if value is None:
            raise BadField(Defect.MISSING, names[0])
        if value != expected:
            raise BadField(Defect.MALFORMED, names[0], f"must be {expected}")


def _check_filled(call: Call, body: Mapping[str, Any], credentials: Credentials) -> None:
    values: dict[str, tuple[str | None, Exception]] = {
        "access_token": (call.token, BadField(Defect.MALFORMED, "chargeToken", "must be the token in Authorization")),
        "customer_token": (
            call.customer_token,
            BadField(Defect.MALFORMED, "chargeToken", "must be the token in Authorization-Customer"),
        ),
        # Documented for QRIS and for unbinding; taken for the other calls too.
        "merchant_id": (credentials.merchant_id, Refusal(404, "08")),
        "payment_handle": (credentials.payment_handle, Refusal(401, "00", "Unauthorized. Incorrect merchantId value")),
    }
    for name in call.endpoint.fills:
        if name not in body:
            raise BadField(Defect.MISSING, name)
    for name, source in (*call.endpoint.fills.items(), *call.endpoint.offers.items()):
        expected, problem = values[source]
        if name in body and body[name] != expected:
            raise problem


def _placed(call: Call) -> dict[str, Any]:
    plan = _plan(call.operation)
    if not plan.placed:
        return {}
    query = dict(parse_qsl(call.query, keep_blank_values=True))
    found: dict[str, Any] = {}
    for name, spelled, required in plan.placed:
        text = (call.placed if "path" in spelled.marks else query).get(spelled.name)
        if text:
            found[name] = _typed(spelled, text)
        elif required:
            raise BadField(Defect.MISSING, spelled.name)
    return found


def _typed(spelled: Spelling, text: str) -> Any:
    try:
        return wire.converter.structure(text, spelled.type)
    except ValueError as error:
        raise BadField(Defect.MALFORMED, spelled.name, str(error)) from None


def _check_overlooked(operation: Operation[Any], body: Mapping[str, Any]) -> None:
    """Refuse what a tolerant reader leaves out: an optional field that is there and cannot be read."""
    for name, spelled, default in _plan(type(operation)).optional:
        value = getattr(operation, name)
        if (value is None or value == default or default is COMPUTED) and _is_lost(body, spelled, value):
            raise BadField(Defect.MALFORMED, ".".join((*spelled.within, spelled.name)).replace("[]", ""))


def _is_lost(body: Mapping[str, Any], spelled: Spelling, value: object) -> bool:
    path = tuple(step.removesuffix("[]") for step in spelled.within)
    names = (spelled.name, *spelled.also)
    spellings = ((name[1:],) if name.startswith("/") else (*path, name) for name in names)
    sent = next((one for where in spellings if (one := _at(body, where)) is not None), None)
    if sent is None or sent == []:
        return False
    try:
        return bool(wire.converter.structure(sent, spelled.type) != value)
    except (ValueError, wire.Misfit):
        return True


def _value(body: Mapping[str, Any], dotted: str) -> Any:
    return _at(body, tuple(dotted.split(".")))


def _at(body: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(body, list):
            body = body[0] if body else None
        body = body.get(step) if isinstance(body, Mapping) else None
    return body


def _bad(kind: type[Any], error: InvalidInput) -> BadField:
    name = error.field.partition("[")[0].partition(".")[0]
    defect = Defect.MISSING if error.rule.endswith("is required") else Defect.MALFORMED
    return BadField(defect, _plan(kind).names.get(name, name), error.rule)
