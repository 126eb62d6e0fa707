"""Bytes to objects and back.  Does not know which side of the connection it is on.

One cattrs converter; what a field is called and where it stands comes from its annotation (`fields`).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter

from .errors import Unreadable
from .fields import PLACES, Spelling, spelling
from .models import Money, PayoutStatus, TransactionStatus, format_time, parse_time

T = TypeVar("T")
Json = Mapping[str, Any]


def dumps(body: Json) -> bytes:
    """Return the exact bytes to sign and to send: compact, UTF-8, nothing escaped that need not be (Q-SIG-5)."""
    return _written(body).encode()


def _written(value: Any) -> str:
    """Return what `json` would write; it prepares an encoder for every text, which costs more than our bodies do."""
    if type(value) is str:
        return encode_basestring(value)
    if type(value) is dict:
        pairs = [f"{encode_basestring(name)}:{_written(one)}" for name, one in value.items()]
        return f"{{{','.join(pairs)}}}"
    return _encoder.encode(value)


def loads(body: bytes) -> dict[str, Any]:
    """Return the JSON object in *body*, numbers exact; raise Unreadable for anything else.

    Refused are duplicate keys (two readers could see two amounts), NaN and Infinity, a BOM, and what is nested so
    deeply that reading it would exhaust the stack.
    """
    try:
        found = _decoder.decode(body.decode())
    except Unreadable:
        raise
    except RecursionError:
        raise Unreadable("nested too deeply", "too_deep") from None
    except (ValueError, InvalidOperation) as error:
        raise _unreadable(error, body) from None
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object", "not_an_object")
    return found


def _unreadable(error: Exception, body: bytes) -> Unreadable:
    if isinstance(error, UnicodeError):
        return Unreadable("not UTF-8 text", "not_utf8")
    if not isinstance(error, json.JSONDecodeError):
        return Unreadable("holds a number with too many digits", "huge_number")
    if body.startswith(b"\xef\xbb\xbf"):
        return Unreadable("begins with a byte order mark", "byte_order_mark")
    return Unreadable(f"not JSON: {error.msg} at character {error.pos}")


def _no_constant(name: str) -> None:
    raise Unreadable(f"{name} is not JSON", "not_a_number")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("an object holds the same key twice", "duplicate_key")
    return found


# Made once: json.dumps and json.loads make new ones for every call that has options.
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)


class Misfit(Exception):
    """A field that the object cannot do without is missing or unreadable; the text is its wire name."""


def unstructure(value: object) -> dict[str, Any]:
    """Return the wire form of a message or an answer."""
    return converter.unstructure(value)  # type: ignore[no-any-return]  # cattrs returns Any


def structure(kind: type[T], found_in: Json, /, **local: Any) -> T:
    """Return the JSON object *found_in* as a *kind*; raise Misfit or InvalidInput.

    Optional fields that cannot be read are left out and named in `unread`; *local* are fields that are not on the wire,
    or are known better.
    """
    found, unread = _read(kind, found_in)
    if unread and hasattr(kind, "unread"):
        found["unread"] = tuple(unread)
    found.update(local)
    return kind(**found)


# --- the converter -------------------------------------------------------------------------------------------------


def _has_spellings(kind: Any) -> bool:
    return attrs.has(kind) and kind not in (Money, TransactionStatus, PayoutStatus)


def _writer(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
    plan = [
        (one.name, one.default is attrs.NOTHING, found.within, found.name, _write_hook(found))
        for one, found in _spellings(kind)
    ]

    def write(value: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, needed, within, spelled, hook in plan:
            one = getattr(value, name)
            # Absent, not empty: the provider's samples leave out what is not there (quirk Q-FLD-26).
            if one is None or (one == () and not needed):
                continue
            container = _container(out, within) if within else out
            container[spelled] = one if hook is None else hook(one)
        return out

    return write


def _spellings(kind: type[Any]) -> list[tuple["attrs.Attribute[Any]", Spelling]]:
    pairs = ((one, spelling(one)) for one in attrs.fields(kind))
    return [(one, found) for one, found in pairs if found and not found.marks & PLACES]


def _container(out: dict[str, Any], within: Iterable[str]) -> dict[str, Any]:
    for step in within:
        name = step.removesuffix("[]")
        out = out.setdefault(name, {}) if step == name else out.setdefault(name, [{}])[0]
    return out


def _write_hook(found: Spelling) -> Callable[[Any], Any] | None:
    """Return what writes the field's value, None where it goes out as it is."""
    for mark, hook in _MARKED.items():
        if mark in found.marks:
            return hook
    if _is_list(found.type):
        item = converter.get_unstructure_hook(get_args(found.type)[0])
        return lambda values: [item(one) for one in values]
    return None if found.type is str else converter.get_unstructure_hook(found.type)


_MARKED: dict[str, Callable[[Any], Any]] = {
    "number": lambda money: int(money.value) if money.value % 1 == 0 else float(money.value),
    "text": str,
    "whole value": lambda money: {"value": int(money.value), "currency": "IDR"},
    "yes-no": lambda flag: "Y" if flag else "N",
}


@attrs.frozen
class _Slot:
    """How one field is read: its name in Python, its spellings on the wire, and what reads its value."""

    name: str
    spelled: str
    also: tuple[str, ...]
    label: str
    #: The model that it holds, or holds a list of; None for a leaf, which *hook* reads.
    part: type[Any] | None
    hook: Callable[[Any, Any], Any]
    type: Any
    required: bool
    is_text: bool
    is_list: bool


_Group = tuple[tuple[str, ...], tuple[_Slot, ...]]
_plans: dict[type[Any], tuple[_Group, ...]] = {}


def _plan(kind: type[Any]) -> tuple[_Group, ...]:
    """Return the slots of *kind*, grouped by the object of the wire that holds them: each is looked up once."""
    if kind not in _plans:
        groups: dict[tuple[str, ...], list[_Slot]] = {}
        for one, found in _spellings(kind):
            if one.init:
                within = tuple(step.removesuffix("[]") for step in found.within)
                groups.setdefault(within, []).append(_slot(one, found, within))
        _plans[kind] = tuple((within, tuple(slots)) for within, slots in groups.items())
    return _plans[kind]


def _slot(one: "attrs.Attribute[Any]", found: Spelling, within: tuple[str, ...]) -> _Slot:
    inner = get_args(found.type)[0] if _is_list(found.type) else found.type
    part = inner if _has_spellings(inner) else None
    return _Slot(
        name=one.name,
        spelled=found.name,
        also=found.also,
        label=".".join((*within, found.name)),
        part=part,
        hook=_object if part else converter.get_structure_hook(found.type),
        type=found.type,
        required=one.default is attrs.NOTHING and not found.optional,
        is_text=found.type is str,
        is_list=_is_list(found.type),
    )


def _read(kind: type[Any], body: Json) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    unread: list[str] = []
    for within, slots in _plan(kind):
        container = _held(body, within) if within else body
        for slot in slots:
            value = container.get(slot.spelled)
            if value is None and slot.also:
                value = _otherwise(slot.also, container, body)
            if slot.is_text and type(value) is str:
                found[slot.name] = value
            elif value is not None:
                _fill(slot, value, found, unread)
            elif slot.required:
                raise Misfit(slot.label)
    return found, unread


def _otherwise(names: tuple[str, ...], container: Json, body: Json) -> Any:
    for name in names:
        value = body.get(name[1:]) if name[0] == "/" else container.get(name)
        if value is not None:
            return value
    return None


def _held(body: Any, within: tuple[str, ...]) -> dict[str, Any]:
    for step in within:
        body = body.get(step) if isinstance(body, dict) else None
        if isinstance(body, list):
            body = body[0] if body else None
    return body if isinstance(body, dict) else {}


def _fill(slot: _Slot, value: object, found: dict[str, Any], unread: list[str]) -> None:
    try:
        found[slot.name] = _parts(slot, slot.part, value, unread) if slot.part else slot.hook(value, slot.type)
    except (ValueError, Misfit):
        if slot.required:
            raise Misfit(slot.label) from None
        unread.append(slot.label)


def _parts(slot: _Slot, part: type[Any], value: object, unread: list[str]) -> Any:
    """Return the part, or the tuple of parts, in *value*; what cannot be read inside is named in *unread* too."""
    made, lost = [], []
    # One object where the page says a list is read as a list of one (quirks Q-FLD-10, Q-FLD-12).
    for one in value if slot.is_list and isinstance(value, list) else [value]:
        inner, missed = _read(part, _object(one, part))
        made.append(part(**inner))
        lost += missed
    if lost:
        unread.extend(f"{slot.label}.{name}" for name in dict.fromkeys(lost))
    return tuple(made) if slot.is_list else made[0]


# --- leaves: one function a type -----------------------------------------------------------------------------------


def _text(value: Any, _: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise ValueError("not text")


def _whole(value: Any, _: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    raise ValueError("not a whole number")


def _flag(value: Any, _: Any) -> bool:
    if isinstance(value, bool):
        return value
    return _FLAGS[value.lower()] if isinstance(value, str) and value.lower() in _FLAGS else _refuse()


_FLAGS = {"y": True, "n": False, "true": True, "false": False}


def _refuse() -> bool:
    raise ValueError("not a flag")


def _money(value: Any, _: Any) -> Money:
    if isinstance(value, dict):
        if (value.get("currency") or "IDR") != "IDR":
            raise ValueError("not rupiah")
        value = value.get("value")
    return Money(value)


def _time(value: Any, _: Any) -> datetime:
    return parse_time(_text(value, str))


def _object(value: Any, _: Any) -> Json:
    if isinstance(value, dict):
        return value
    raise ValueError("not an object")


def _list(value: Any, kind: Any) -> tuple[Any, ...]:
    (item,) = get_args(kind)
    hook = converter.get_structure_hook(item)
    # One object where the page says a list is read as a list of one (quirks Q-FLD-10, Q-FLD-12).
    return tuple(hook(one, item) for one in (value if isinstance(value, list) else [value]))


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is Sequence


def _is_object(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def _build() -> Converter:
    made = Converter()
    for kind, read in _READ.items():
        made.register_structure_hook(kind, read)
    for kind, write in _WRITE.items():
        made.register_unstructure_hook(kind, write)
    made.register_structure_hook_func(_is_list, _list)
    made.register_structure_hook_func(_is_object, _object)
    made.register_unstructure_hook_factory(_has_spellings, _writer)
    return made


_READ: dict[Any, Callable[[Any, Any], Any]] = {
    str: _text,
    int: _whole,
    bool: _flag,
    Money: _money,
    datetime: _time,
    TransactionStatus: lambda value, _: TransactionStatus(_text(value, str)),
    PayoutStatus: lambda value, _: PayoutStatus(_text(value, str)),
}
_WRITE: dict[Any, Callable[[Any], Any]] = {
    Money: lambda money: {"value": str(money), "currency": "IDR"},
    datetime: format_time,
    TransactionStatus: lambda status: status.raw,
    PayoutStatus: lambda status: status.raw,
}
converter = _build()
