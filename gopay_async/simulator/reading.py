"""From the bytes of a request to the operation they stand for, checked by its own rules.  Knows no signature."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args, get_origin
from urllib.parse import parse_qsl

import attrs
from attrs import frozen

from .. import wire
from ..credentials import Credentials
from ..errors import InvalidInput, Unreadable
from ..fields import PLACES, Spelling, spelling
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


@frozen(kw_only=True)
class _Optional:
    """A field that may be left out."""

    name: str
    #: The wire name, for people.
    label: str
    type: Any
    #: What the attribute is when the field was left out.
    default: Any
    #: The places on the wire where it may stand, the usual one first.
    places: tuple[tuple[str, ...], ...]
    #: Whether it holds objects with fields of their own.
    is_part: bool


@frozen
class _Plan:
    """What has to be looked at besides the fields that `wire` reads."""

    #: Attribute -> wire name, for every field.
    names: dict[str, str]
    #: Fields whose value is fixed: wire names and the value.
    constants: list[tuple[tuple[str, ...], Any]]
    optional: list[_Optional]
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
    pairs = ((one, spelling(one)) for one in attrs.fields(kind))
    for one, found in ((one, found) for one, found in pairs if found):
        plan.names[one.name] = ".".join((*found.within, found.name)).replace("[]", "")
        if found.marks & PLACES:
            plan.placed.append((one.name, found, one.default is attrs.NOTHING))
        elif not one.init and isinstance(one.default, str):
            # The official PHP and Node SDKs write grant_type (quirk Q-TOK-3), and the provider takes it.
            plan.constants.append(((found.name, one.name), one.default))
        elif one.default is not attrs.NOTHING:
            plan.optional.append(_optional(one, found, plan.names[one.name]))
    return plan


def _optional(one: "attrs.Attribute[Any]", found: Spelling, label: str) -> _Optional:
    path = tuple(step.removesuffix("[]") for step in found.within)
    return _Optional(
        name=one.name,
        label=label,
        type=found.type,
        default=one.default if one.init else COMPUTED,
        places=tuple((name[1:],) if name.startswith("/") else (*path, name) for name in (found.name, *found.also)),
        is_part=_is_part(found.type),
    )


def _is_part(kind: Any) -> bool:
    inner = get_args(kind)[0] if get_origin(kind) is Sequence else kind
    return attrs.has(inner) and any(spelling(one) for one in attrs.fields(inner))


def _check_constants(kind: type[Any], body: Mapping[str, Any]) -> None:
    for names, expected in _plan(kind).constants:
        value = next((body[name] for name in names if name in body), None)
        if value is None:
            raise BadField(Defect.MISSING, names[0])
        if value != expected:
            raise BadField(Defect.MALFORMED, names[0], f"must be {expected}")


def _check_filled(call: Call, body: Mapping[str, Any], credentials: Credentials) -> None:
    fills, offers = call.endpoint.fills, call.endpoint.offers
    for name, source in (*fills.items(), *offers.items()):
        if name in body:
            held = _held(source, call, credentials)
            if body[name] != held:
                raise _WRONG[source](name)
        elif name in fills:
            raise BadField(Defect.MISSING, name)


def _held(source: str, call: Call, credentials: Credentials) -> str | None:
    tokens = {"access_token": call.token, "customer_token": call.customer_token}
    return tokens[source] if source in tokens else getattr(credentials, source)


def _must_be_token_of(header: str) -> Callable[[str], BadField]:
    return lambda name: BadField(Defect.MALFORMED, name, f"must be the token of the header {header}")


_WRONG: Final[dict[str, Callable[[str], Exception]]] = {
    "access_token": _must_be_token_of("Authorization"),
    "customer_token": _must_be_token_of("Authorization-Customer"),
    # Documented for QRIS and for unbinding; taken for the other calls too.
    "merchant_id": lambda _: Refusal(404, "08"),
    "payment_handle": lambda _: Refusal(401, "00", "Unauthorized. Incorrect merchantId value"),
}


def _placed(call: Call) -> dict[str, Any]:
    plan = _plan(call.operation)
    if not plan.placed:
        return {}
    query = dict(parse_qsl(call.query, keep_blank_values=True))
    found: dict[str, Any] = {}
    for name, spelled, required in plan.placed:
        text = (call.placed if "path" in spelled.marks else query).get(spelled.name)
        if required and not text:
            raise BadField(Defect.MISSING, spelled.name)
        if text:
            found[name] = _typed(spelled, text)
    return found


def _typed(spelled: Spelling, text: str) -> Any:
    try:
        return wire.converter.structure(text, spelled.type)
    except ValueError as error:
        raise BadField(Defect.MALFORMED, spelled.name, str(error)) from None


def _check_overlooked(operation: Operation[Any], body: Mapping[str, Any]) -> None:
    """Refuse what a tolerant reader leaves out: an optional field that is there and cannot be read."""
    for one in _plan(type(operation)).optional:
        value = getattr(operation, one.name)
        left_out = value is None or value == one.default or one.default is COMPUTED
        if left_out and _is_lost(body, one, value):
            raise BadField(Defect.MALFORMED, one.label, _why_lost(one, _sent(body, one.places)))


def _why_lost(one: _Optional, sent: Any) -> str:
    """Return what is wrong inside of the objects that were sent; empty where there are none."""
    if not one.is_part:
        return ""
    kind = get_args(one.type)[0] if get_args(one.type) else one.type
    found = (_wrong_inside(kind, part) for part in (sent if isinstance(sent, list) else [sent]))
    return next(filter(None, found), "")


def _wrong_inside(kind: type[Any], part: Any) -> str:
    if not isinstance(part, dict):
        return "must be an object"
    try:
        wire.structure(kind, part)
    except wire.Misfit as misfit:
        return f"{misfit} is missing, or cannot be read"
    except InvalidInput as error:
        return str(error)
    return ""


def _is_lost(body: Mapping[str, Any], one: _Optional, value: object) -> bool:
    sent = _sent(body, one.places)
    if sent is None or sent == [] or one.is_part:
        return one.is_part and bool(sent)
    if one.type is str and type(sent) is str:
        # Text stays as it is: it has not to be read to be compared.
        return sent != value
    try:
        return bool(wire.converter.structure(sent, one.type) != value)
    except ValueError:
        return True


def _sent(body: Mapping[str, Any], places: tuple[tuple[str, ...], ...]) -> Any:
    for place in places:
        found = _at(body, place)
        if found is not None:
            return found
    return None


def _value(body: Mapping[str, Any], dotted: str) -> Any:
    return _at(body, tuple(dotted.split(".")))


def _at(body: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(body, list):
            body = body[0] if body else None
        body = body.get(step) if isinstance(body, dict) else None
    return body


def _bad(kind: type[Any], error: InvalidInput) -> BadField:
    name = error.field.partition("[")[0].partition(".")[0]
    defect = Defect.MISSING if error.rule.endswith("is required") else Defect.MALFORMED
    return BadField(defect, _plan(kind).names.get(name, name), error.rule)
