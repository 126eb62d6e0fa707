"""How one field is checked and spelled: rules stand in its annotation.  Knows no bytes, no endpoint and no clock.

A request is a `message`: its fields are checked when it is made.  What comes back is an `answer`: read, never checked.
"""

import json
import math
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import Annotated, Any, Final, TypeVar, Union, dataclass_transform, get_args, get_origin

import attrs
from attrs import Attribute, frozen

from .errors import InvalidInput

C = TypeVar("C", bound=type[Any])


@frozen
class Text:
    """At most *length* characters; *pattern* says which, *hint* says it in words."""

    length: int
    pattern: str = ""
    hint: str = ""

    def check(self, name: str, value: str) -> None:
        """Raise InvalidInput when *value* breaks the rule."""
        if not value:
            raise InvalidInput(name, "must not be empty; leave an optional field out instead")
        if len(value) > self.length:
            raise InvalidInput(name, f"has {len(value)} characters; at most {self.length} are allowed")
        if not value.isascii():
            _check_unicode(name, value)
        if self.pattern and not _compiled(self.pattern).fullmatch(value):
            raise InvalidInput(name, f"may hold {self.hint} only")


# Every message is checked by its rules: `re.fullmatch`, which looks its options up each time, takes twice as long.
_compiled: Final = cache(partial(re.compile, flags=re.ASCII))


@frozen
class Whole:
    """A whole number from *least* to *most*, both included."""

    least: int
    most: int

    def check(self, name: str, value: int) -> None:
        """Raise InvalidInput when *value* is outside."""
        if not self.least <= value <= self.most:
            raise InvalidInput(name, f"is {value}; from {self.least} to {self.most} is allowed")


@frozen
class OneOf:
    """One of the documented words."""

    words: tuple[str, ...]

    def check(self, name: str, value: str) -> None:
        """Raise InvalidInput when *value* is another word."""
        if value not in self.words:
            raise InvalidInput(name, f"must be one of {', '.join(self.words)}")


@frozen
class Each:
    """Every entry of a list obeys *rule*."""

    rule: Text | OneOf

    def check(self, name: str, value: Sequence[str]) -> None:
        """Raise InvalidInput for the first entry that breaks the rule."""
        for index, one in enumerate(value):
            self.rule.check(f"{name}[{index}]", one)


@frozen
class Name:
    """The spelling on the wire where the rule (snake_case to camelCase) does not give it; *also* is accepted too.

    A spelling that begins with a slash is looked up in the outermost object, not in the one that holds the field.
    """

    name: str = ""
    also: tuple[str, ...] = ()


@frozen
class Within:
    """The object that holds the field on the wire; `[]` after a name is a list of exactly one object."""

    path: str


@frozen
class Marker:
    """A property of a field that needs no argument."""

    name: str


#: Under additionalInfo on the wire, flat in Python.
INFO: Final = Within("additionalInfo")
#: Personal or secret: never in a repr.
PRIVATE: Final = Marker("private")
#: Part of the path, or of the query, of the request target.
IN_PATH: Final = Marker("path")
IN_QUERY: Final = Marker("query")
#: A header of its own.
IN_HEADER: Final = Marker("header")
#: Where a field may stand outside the body.
PLACES: Final = frozenset({"path", "query", "header"})
#: Money as a bare JSON number, or as bare text, instead of {"value", "currency"}.
AS_NUMBER: Final = Marker("number")
AS_TEXT: Final = Marker("text")
#: Money whose value is a JSON number of whole rupiah: {"value": 10000, "currency": "IDR"}.
WHOLE_VALUE: Final = Marker("whole value")
#: A bool spelled Y or N.
YES_NO: Final = Marker("yes-no")

REFERENCE: Final = (r"[A-Za-z0-9_-]+", "letters, digits, - and _")
#: One step of a path: dots alone would name another path.
SEGMENT: Final = (r"(?!\.\.?\Z)[!-~]+", "visible ASCII characters, and not dots alone,")
#: What a header can hold.
HEADER_TEXT: Final = (r"[!-~]([ -~]*[!-~])?", "printable ASCII characters without spaces at the ends")


@frozen
class Spelling:
    """Where a field stands on the wire and what may stand in it; compiled from its annotation."""

    name: str
    also: tuple[str, ...]
    within: tuple[str, ...]
    type: Any
    optional: bool
    marks: frozenset[str]
    rules: tuple[Any, ...]


def spelling(attribute: "Attribute[Any]") -> Spelling | None:
    """Return the wire form of *attribute*, None when it never goes there."""
    return attribute.metadata.get("spelling")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def message(cls: C) -> C:
    """Make *cls* a request, or a part of one: frozen, keyword only, checked when it is made."""
    return attrs.frozen(cls, kw_only=True, field_transformer=_checked)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def answer(cls: C) -> C:
    """Make *cls* an answer, or a part of one: frozen, keyword only, tolerant."""
    return attrs.frozen(cls, kw_only=True, field_transformer=_spelled)


def one_of(owner: object, *names: str) -> None:
    """Raise InvalidInput unless one of the attributes *names* of *owner* is given."""
    if not any(getattr(owner, name) for name in names):
        raise InvalidInput(names[0], f"one of {', '.join(names)} is required")


def camel(name: str) -> str:
    """Return the wire's spelling of *name*: partner_reference_no -> partnerReferenceNo."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _spelled(cls: type[Any], attributes: "list[Attribute[Any]]") -> "list[Attribute[Any]]":
    return [_evolve(cls, one) for one in attributes]


def _checked(cls: type[Any], attributes: "list[Attribute[Any]]") -> "list[Attribute[Any]]":
    return [_with_check(one) for one in _spelled(cls, attributes)]


def _evolve(cls: type[Any], one: "Attribute[Any]") -> "Attribute[Any]":
    if "spelling" in one.metadata or "local" in one.metadata:
        return one
    found = _compile(one.name, one.type, keep=getattr(cls, "snake_case", False))
    hidden = one.repr and "private" not in found.marks
    return one.evolve(repr=hidden, metadata={**one.metadata, "spelling": found})


def _with_check(one: "Attribute[Any]") -> "Attribute[Any]":
    found = spelling(one)
    if found is None:
        return one
    kind = found.type
    convert = _converter(one.name, kind) if one.converter is None else one.converter
    return one.evolve(validator=_Check(found), converter=convert)


def _compile(name: str, annotation: Any, *, keep: bool) -> Spelling:
    kind, marks = _unwrap(annotation)
    optional = type(None) in get_args(kind) and get_origin(kind) in (Union, types.UnionType)
    if optional:
        (inner,) = (arg for arg in get_args(kind) if arg is not type(None))
        kind, more = _unwrap(inner)
        marks = (*marks, *more)
    spelled = next((mark for mark in marks if isinstance(mark, Name)), Name())
    return Spelling(
        name=spelled.name or (name if keep else camel(name)),
        also=spelled.also,
        within=tuple(step for mark in marks if isinstance(mark, Within) for step in mark.path.split(".")),
        type=kind,
        optional=optional,
        marks=frozenset(mark.name for mark in marks if isinstance(mark, Marker)),
        rules=tuple(mark for mark in marks if hasattr(mark, "check")),
    )


def _unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(annotation) is Annotated:
        kind, *marks = get_args(annotation)
        return kind, tuple(marks)
    return annotation, ()


def private_values(value: Any) -> Iterator[str]:
    """Yield the text of every private field of the message *value* and of the messages in it."""
    if isinstance(value, tuple):
        for one in value:
            yield from private_values(one)
    elif attrs.has(type(value)):
        for attribute in attrs.fields(type(value)):
            found, inner = spelling(attribute), getattr(value, attribute.name)
            hidden = found is not None and "private" in found.marks
            yield from _texts(inner) if hidden else private_values(inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)


@frozen
class _Check:
    """attrs validator of one field of a message."""

    spelling: Spelling

    def __call__(self, owner: object, attribute: "Attribute[Any]", value: object) -> None:
        if value is None:
            if not self.spelling.optional:
                raise InvalidInput(attribute.name, "is required")
            return
        _check_type(attribute.name, self.spelling.type, value)
        for rule in self.spelling.rules:
            rule.check(attribute.name, value)


def _check_type(name: str, kind: Any, value: object) -> None:
    # The usual case first: to ask what a kind is made of takes longer than all of this.
    if type(value) is kind:
        _check_content(name, value)
        return
    origin = get_origin(kind) or kind
    if origin is Sequence:
        (item,) = get_args(kind)
        for index, one in enumerate(value if isinstance(value, tuple) else ()):
            _check_type(f"{name}[{index}]", item, one)
        return
    if not isinstance(value, origin) or (isinstance(value, bool) and origin is int):
        raise InvalidInput(name, f"must be {_words(origin)}, not {type(value).__name__}")
    _check_content(name, value)


def _check_content(name: str, value: object) -> None:
    if isinstance(value, str):
        if not value.isascii():
            _check_unicode(name, value)
    elif isinstance(value, datetime):
        _check_time(name, value)


def _check_time(name: str, value: datetime) -> None:
    if value.utcoffset() is None:
        raise InvalidInput(name, "must have a time zone, for example datetime(..., tzinfo=WIB)")
    if not 2 <= value.year <= 9998:
        raise InvalidInput(name, "must lie in the years 2 to 9998: at +07:00 it may not exist")


def _words(kind: type[Any]) -> str:
    return {"Money": "Money, for example Money(10_000)", "datetime": "an aware datetime"}.get(
        kind.__name__, kind.__name__
    )


_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _check_unicode(name: str, value: str) -> None:
    if _SURROGATE.search(value):
        raise InvalidInput(name, "holds a lone surrogate, which is not text and cannot be encoded as UTF-8")


def _converter(name: str, kind: Any) -> Callable[[Any], Any] | None:
    origin = get_origin(kind) or kind
    if origin is Sequence:
        return lambda value: _as_tuple(name, value)
    return (lambda value: _as_json(name, value)) if origin is Mapping else None


def _as_tuple(name: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise InvalidInput(name, "must be a list or a tuple")
    return tuple(value)


def _as_json(name: str, value: Any) -> Any:
    """Return a private copy of the free object *value*, so that what was checked is what is sent."""
    if value is None or not isinstance(value, Mapping):
        return value
    try:
        copied = _copy(name, value)
        json.dumps(copied)
    except RecursionError:
        raise InvalidInput(name, "is nested too deeply, or holds itself") from None
    except InvalidInput:
        raise
    except ValueError:
        raise InvalidInput(name, "holds a number with too many digits") from None
    return copied


def _copy(name: str, value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(_items(name, value))
    if isinstance(value, list | tuple):
        return [_copy(f"{name}[{index}]", one) for index, one in enumerate(value)]
    if isinstance(value, str):
        _check_unicode(name, value)
        return value
    if value is None or isinstance(value, int):
        return value
    return _number(name, value)


def _items(name: str, value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, one in value.items():
        if not isinstance(key, str):
            raise InvalidInput(name, "keys must be text")
        _check_unicode(name, key)
        yield key, _copy(f"{name}.{key}", one)


def _number(name: str, value: object) -> float | int:
    # The standard library writes no Decimal: one that a JSON number of Python cannot show exactly is refused.
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < Decimal(10**15):
        number = int(value) if value == value.to_integral_value() else float(value)
        if Decimal(repr(number)) == value:
            return number
    raise InvalidInput(
        name, f"{type(value).__name__} cannot be written as JSON here; use text, int, bool, list or dict"
    )
