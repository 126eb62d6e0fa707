"""One JSON body in the ways in which serialisers write it, and what two of them differ in.  Knows no signature."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import permutations, product
from math import factorial, prod
from typing import Any, Final, TypeVar

from attrs import frozen

from ..signing import minify

#: Bodies whose keys can stand in more orders than this are not tried in all of them.
ORDERS: Final = 5_040
#: The same, where the keys stand in an order that nobody writes by hand: it takes a second, and is worth it.
ORDERS_IF_SORTED: Final = 100_000
#: Bodies of more bytes than this, of more values, or with more inside each other, are not tried at all: whoever sends
#: one need not be known, and everybody else waits meanwhile.
LONGEST: Final = 4_096
VALUES: Final = 256
DEEPEST: Final = 32
#: Bodies with more numbers than this are not tried with each of them written differently.
NUMBERS: Final = 40
#: All the orders of the keys of a body may have this many bytes together.
WRITTEN: Final = 1 << 25
_BOTH: Final = (False, True)
# Made once: `json.dumps` would make one for every text.
_quote: Final = json.JSONEncoder(ensure_ascii=False).encode

_T = TypeVar("_T")
#: Where something stands in a body.
_Path = tuple[str | int, ...]


class _Literal(str):
    """A number as it stands in the text."""

    __slots__ = ()


# Texts beyond ASCII are written in many styles, character by character.
@lru_cache(maxsize=1_024)
def _lower(character: str) -> str:
    # Beyond the first 65,536 characters it takes two.
    return json.dumps(character)[1:-1] if character > "~" else f"\\u{ord(character):04x}"


def _upper(character: str) -> str:
    return _lower(character).upper().replace("\\U", "\\u")


#: What serialisers escape although JSON does not ask for it.
_ESCAPES: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (re.compile("(?!)"), _lower),  # most: nothing
    (re.compile(r"[^\x00-\x7f]"), _lower),  # Python, PHP
    (re.compile("[<>&\u2028\u2029]"), _lower),  # Go
    (re.compile("[<>&='\u2028\u2029]"), _lower),  # Gson
    (re.compile(r"[<>&'+`]|[^\x00-\x7f]"), _upper),  # .NET
)


def _shortest(literal: str) -> str:
    return repr(float(literal))


def _with_cents(literal: str) -> str:
    return f"{float(literal):.2f}"


def _as_whole(literal: str) -> str:
    value = float(literal)
    return str(int(value)) if value.is_integer() else repr(value)


def _if_fraction(write: Callable[[str], str]) -> Callable[[str], str]:
    return lambda literal: literal if literal.lstrip("-").isdigit() else write(literal)


#: How serialisers write numbers: as they are, as Python does, JavaScript, those that know floats only, with cents.
_NUMBERS: Final[tuple[Callable[[str], str], ...]] = (
    str,
    _if_fraction(_shortest),
    _as_whole,
    _shortest,
    _if_fraction(_with_cents),
    _with_cents,
)


@frozen
class _Style:
    """How a serialiser writes."""

    escapes: int = 0
    slashes: bool = False
    spaces: bool = False
    ordered: bool = False
    numbers: int = 0

    @property
    def changes(self) -> int:
        """How much it does that others do not."""
        return sum(map(bool, (self.escapes, self.slashes, self.spaces, self.ordered, self.numbers)))


def respellings(body: bytes) -> Iterator[bytes]:
    """Return the minified *body* as the common serialisers write it, the least changed first."""
    value = _parse(body)
    if value is not None:
        yield from _others(_texts(value, body), body)


def reordered(body: bytes) -> Iterator[bytes]:
    """Return *body* with its keys in every other order; nothing where there are more than can be tried."""
    value = _parse(body)
    orders = prod(factorial(len(one)) for one in _keys(value).values())
    most = ORDERS_IF_SORTED if is_sorted(body) else ORDERS
    if value is None or orders > most or orders * len(body) > WRITTEN:
        return
    texts = (one.encode("utf-8", "surrogatepass") for one in _orders(value, _style_of(value, _styles(value), body)))
    yield from (one for one in texts if one != body)


def is_sorted(body: bytes) -> bool:
    """Whether all keys of *body* stand in alphabetical order, and are too many for that to be chance."""
    orders = list(_keys(_parse(body)).values())
    return all(list(one) == sorted(one) for one in orders) and max(map(len, orders), default=0) > 3


def is_too_large(body: bytes) -> bool:
    """Whether *body* is not tried in other spellings, for there is too much of it."""
    return len(body) > LONGEST or not _is_small(_load(body))


def differences(signed: bytes, sent: bytes) -> tuple[str, str]:
    """Return in words what *signed* has where it differs from *sent*, another spelling of it, and what that one has."""
    # What was tried is small enough; as it was signed it may be longer.
    one, other = _load(signed), _load(sent)
    pairs = [(look(signed), look(sent)) for look in (_escapes_of, _slashes_of, _spaces_of)]
    pairs += _first(_numbers(one), _numbers(other), "numbers as {}".format)
    pairs += _first(_keys(one), _keys(other), _order)
    found = [(mine, yours) for mine, yours in pairs if mine != yours]
    return " and ".join(mine for mine, _ in found), " and ".join(yours for _, yours in found)


def _first(one: dict[_Path, _T], other: dict[_Path, _T], words: Callable[[_T], str]) -> list[tuple[str, str]]:
    pairs = ((one[path], found) for path, found in other.items())
    return [(words(mine), words(yours)) for mine, yours in pairs if mine != yours][:1]


def _others(texts: Iterator[str], body: bytes) -> Iterator[bytes]:
    seen = {body}
    for text in texts:
        made = text.encode("utf-8", "surrogatepass")
        if made not in seen:
            seen.add(made)
            yield made


def _parse(body: bytes) -> Any:
    return None if is_too_large(body) else _load(body)


def _load(body: bytes) -> Any:
    try:
        # Of bytes it would take UTF-16 and others for JSON, too.
        return json.loads(body.decode("utf-8", "surrogatepass"), parse_float=_Literal, parse_int=_Literal)
    except (ValueError, RecursionError):
        return None


def _is_small(value: Any) -> bool:
    """Whether *value* has few values, not far inside each other; found out without calls inside each other."""
    left, count = [(value, 0)], 0
    while left:
        one, depth = left.pop()
        inside = one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        left += [(each, depth + 1) for each in inside]
        count += 1
        if count + len(left) > VALUES or depth > DEEPEST:
            return False
    return True


# --- what there is in a body -----------------------------------------------------------------------------------------


def _walk(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    yield path, value
    inside = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield from _walk(one, (*path, name))


def _numbers(value: Any) -> dict[_Path, str]:
    return {path: one for path, one in _walk(value) if isinstance(one, _Literal)}


def _keys(value: Any) -> dict[_Path, tuple[str, ...]]:
    return {path: tuple(one) for path, one in _walk(value) if isinstance(one, Mapping)}


def _escapes_of(body: bytes) -> str:
    found = re.search(rb"\\u[0-9a-fA-F]{4}", body)
    return f"characters escaped as {found[0].decode()}" if found else "characters as they are"


def _slashes_of(body: bytes) -> str:
    return r"slashes escaped as \/" if rb"\/" in body else "slashes as they are"


def _spaces_of(body: bytes) -> str:
    return "no spaces" if minify(body) == body else "spaces after , and :"


def _order(keys: tuple[str, ...]) -> str:
    if list(keys) == sorted(keys):
        return "keys in alphabetical order"
    return f"keys in the order {', '.join(keys[:4])}{', ...' if len(keys) > 4 else ''}"


# --- writing it ------------------------------------------------------------------------------------------------------


def _styles(value: Any) -> list[_Style]:
    """Return the styles that make a difference to *value*, the plainest first."""
    plain = _spell(value, _Style())
    escapes = [place for place, (pattern, _) in enumerate(_ESCAPES) if not place or pattern.search(plain)]
    slashes = _BOTH if "/" in plain else (False,)
    numbers = range(len(_NUMBERS)) if _numbers(value) else (0,)
    found = [_Style(*one) for one in product(escapes, slashes, _BOTH, _BOTH, numbers)]
    return sorted(found, key=lambda one: one.changes)


def _style_of(value: Any, styles: list[_Style], body: bytes) -> _Style:
    text = body.decode("utf-8", "surrogatepass")
    return next((one for one in styles if _spell(value, one) == text), _Style())


def _texts(value: Any, body: bytes) -> Iterator[str]:
    """Write *value* in every style, and then as in *body* but for one number."""
    texts: dict[str, _Style] = {}
    for style in _styles(value):
        text = _spell(value, style)
        texts.setdefault(text, style)
        yield text
    own = texts.get(body.decode("utf-8", "surrogatepass"), _Style())
    yield from (_spell(one, own) for one in _numbered(value))


def _numbered(value: Any) -> Iterator[Any]:
    """Return *value* with one of its numbers written with other decimals."""
    numbers = _numbers(value)
    for path, literal in numbers.items() if len(numbers) <= NUMBERS else ():
        whole = literal.partition(".")[0]
        for form in (whole, f"{whole}.0", f"{whole}.00"):
            yield _changed(value, path, _Literal(form))


def _changed(value: Any, path: _Path, new: Any) -> Any:
    if not path:
        return new
    copy: Any = value.copy()
    copy[path[0]] = _changed(copy[path[0]], path[1:], new)
    return copy


def _orders(value: Any, style: _Style) -> Iterator[str]:
    """Write *value* with its keys in every order."""
    if isinstance(value, Mapping):
        inner = product(*(tuple(_orders(one, style)) for one in value.values()))
        names = [f"{_spell(key, style)}:" for key in value]
        members = ([name + one for name, one in zip(names, found, strict=True)] for found in inner)
        yield from ("{" + ",".join(order) + "}" for found in members for order in permutations(found))
    elif isinstance(value, list):
        yield from ("[" + ",".join(found) + "]" for found in product(*(tuple(_orders(one, style)) for one in value)))
    else:
        yield _spell(value, style)


def _spell(value: Any, style: _Style) -> str:
    comma, colon = (", ", ": ") if style.spaces else (",", ":")
    if isinstance(value, Mapping):
        items = sorted(value.items()) if style.ordered else value.items()
        return "{" + comma.join(f"{_spell(key, style)}{colon}{_spell(one, style)}" for key, one in items) + "}"
    if isinstance(value, list):
        return "[" + comma.join(_spell(one, style) for one in value) + "]"
    if isinstance(value, _Literal):
        return str(value) if len(value) > 40 else _NUMBERS[style.numbers](value)
    pattern, escape = _ESCAPES[style.escapes]
    text = pattern.sub(lambda found: escape(found[0]), _quote(value))
    return text.replace("/", "\\/") if style.slashes else text
