"""What a model can hold: its wire paths, walked through the spellings of its fields.  Knows no table and no sample."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

import attrs
from attrs import frozen

from gopay_async.fields import Spelling, spelling
from gopay_async.models import Money

MARKS = {"path": "{%s}", "query": "?%s"}
#: An amount without an object around it.
BARE = {"number", "text"}


@frozen
class Leaf:
    """One field of a model, at one of its wire paths."""

    path: str
    name: str
    spelling: Spelling
    #: Whether it is in every message: required, or filled by a default.
    always: bool
    #: Whether the caller must give it.
    needed: bool
    #: Fixed by the class.
    fixed: bool
    #: Whether everything below its path is part of it.
    free: bool = False


def walk(kind: type[Any], before: str = "") -> Iterator[Leaf]:
    """Yield every field of *kind* and of its parts, once for each of its spellings."""
    for one in attrs.fields(kind):
        found = spelling(one)
        if found:
            yield from _leaves(one, found, before)


def _leaves(one: "attrs.Attribute[Any]", found: Spelling, before: str) -> Iterator[Leaf]:
    for path in _paths(found, before):
        yield _leaf(one, found, path)
        kind, below = _part(found.type, path)
        if attrs.has(kind) and not hasattr(kind, "raw") and kind is not Money:
            yield from walk(kind, f"{below}.")


def _paths(found: Spelling, before: str) -> Iterator[str]:
    for mark, pattern in MARKS.items():
        if mark in found.marks:
            yield pattern % found.name
            return
    around = "".join(f"{step}." for step in found.within)
    for name in (found.name, *found.also):
        yield f"{before}{name[1:]}" if name.startswith("/") else f"{before}{around}{name}"


def _leaf(one: "attrs.Attribute[Any]", found: Spelling, path: str) -> Leaf:
    empty = one.default is None or one.default == ()
    return Leaf(
        path=path,
        name=one.name,
        spelling=found,
        always=not empty,
        needed=one.default is attrs.NOTHING,
        fixed=not one.init,
        free=get_origin(found.type) is Mapping or found.type is Money,
    )


def _part(kind: Any, path: str) -> tuple[Any, str]:
    if get_origin(kind) is Sequence:
        return get_args(kind)[0], f"{path}[]"
    return kind, path


def covering(leaves: Sequence[Leaf], path: str, *, lists_matter: bool) -> Leaf | None:
    """Return the leaf that holds *path*: its own, or that of a free object or an amount around it.

    *lists_matter* for requests: there an amount may be written as bare text, in answers it is read in every shape.
    """
    wanted = _plain(path, lists_matter)
    exact = [leaf for leaf in leaves if _plain(leaf.path, lists_matter) == wanted]
    free = [leaf for leaf in leaves if leaf.free and not (lists_matter and leaf.spelling.marks & BARE)]
    around = [leaf for leaf in free if wanted.startswith(_plain(leaf.path, lists_matter) + ".")]
    return next(iter((*exact, *around)), None)


def holds(leaves: Sequence[Leaf], path: str) -> bool:
    """Return whether *path* is an object, or a list, in which some leaf lies."""
    return any(_plain(leaf.path, False).startswith(_plain(path, False) + ".") for leaf in leaves)


def _plain(path: str, lists_matter: bool) -> str:
    return path if lists_matter else path.replace("[]", "")
