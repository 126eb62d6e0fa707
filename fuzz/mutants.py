"""Small wrongs put into a module, one at a time: what a careless change could do.  Knows no test."""

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Final

from attrs import frozen

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COUNTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
#: Their first argument is for machines, the rest for people.
_REASONED: Final = {"MissingHeader", "MalformedNotification", "Unauthenticated", "StoreFailed"}
#: All they say is for people.
_FOR_PEOPLE: Final = {
    "BadRows",
    "BadSignature",
    "ConfigurationError",
    "InvalidInput",
    "JobRefused",
    "LedgerBusy",
    "LedgerCorrupt",
    "LedgerReadOnly",
    "log",
}


_Change = Callable[[ast.AST, ast.AST], object]


@frozen
class Mutant:
    """One wrong: where it is, and what it is."""

    line: int
    what: str
    #: The line as it stands in the right code.
    text: str
    #: The whole module with the wrong in it.
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of *source*."""
    tree, lines = ast.parse(source), ["", *source.splitlines()]
    skipped = _skipped(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for what, change in _changes(node):
            wrong = copy.deepcopy(tree)
            target = next(one for n, one in enumerate(ast.walk(wrong)) if n == number)
            change(target, wrong)
            line = getattr(node, "lineno", 0)
            yield Mutant(line, what, lines[line].strip(), ast.unparse(ast.fix_missing_locations(wrong)))


def _changes(node: ast.AST) -> Iterator[tuple[str, _Change]]:
    if isinstance(node, ast.Compare):
        yield from _compare(node)
    elif isinstance(node, ast.BoolOp):
        yield ("and for or" if isinstance(node.op, ast.Or) else "or for and"), _swap_bool
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not left out", _affirm
    elif isinstance(node, ast.BinOp) and type(node.op) in _COUNTED:
        yield f"{type(node.op).__name__} turned round", _swap_count
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.If | ast.IfExp):
        yield "condition turned round", _negate
    elif isinstance(node, ast.Return) and not _is_nothing(node.value):
        yield "nothing returned", lambda one, _: setattr(one, "value", ast.Constant(None))
    elif isinstance(node, ast.Raise):
        yield "nothing raised", _pass
    elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant | ast.Yield):
        yield "left out", _pass


def _is_nothing(value: ast.expr | None) -> bool:
    # To return None for False changes nothing where only the truth is looked at.
    return value is None or (isinstance(value, ast.Constant) and value.value in (None, False))


def _compare(node: ast.Compare) -> Iterator[tuple[str, _Change]]:
    for place, found in enumerate(node.ops):
        if type(found) in _COMPARED:
            other = _COMPARED[type(found)]
            yield f"{other.__name__} for {type(found).__name__}", _put(place, other)


def _put(place: int, other: type[ast.cmpop]) -> _Change:
    def change(one: ast.AST, _: ast.AST) -> None:
        assert isinstance(one, ast.Compare)
        one.ops[place] = other()

    return change


def _swap_bool(one: ast.AST, _: ast.AST) -> None:
    assert isinstance(one, ast.BoolOp)
    one.op = ast.And() if isinstance(one.op, ast.Or) else ast.Or()


def _swap_count(one: ast.AST, _: ast.AST) -> None:
    assert isinstance(one, ast.BinOp)
    one.op = _COUNTED[type(one.op)]()


def _affirm(one: ast.AST, _: ast.AST) -> None:
    assert isinstance(one, ast.UnaryOp)
    one.op, one.operand = ast.UAdd(), ast.Call(ast.Name("bool", ast.Load()), [one.operand], [])


def _negate(one: ast.AST, _: ast.AST) -> None:
    assert isinstance(one, ast.If | ast.IfExp)
    one.test = ast.UnaryOp(ast.Not(), one.test)


def _pass(one: ast.AST, tree: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, list) and one in value:
                getattr(parent, name)[value.index(one)] = ast.Pass()
                return


def _constant(node: ast.Constant) -> Iterator[tuple[str, _Change]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{not value} for {value}", lambda one, _: setattr(one, "value", not value)
    elif isinstance(value, int | float):
        yield f"{value + 1} for {value}", lambda one, _: setattr(one, "value", value + 1)
    elif isinstance(value, str) and "\n" in value:
        # A script in another language: it is the lines that can be forgotten.
        for place, line in enumerate(value.splitlines()):
            if line:
                yield f"without {line.strip()!r}", _without(place)
    elif isinstance(value, str):
        yield f"another text for {value[:20]!r}", lambda one, _: setattr(one, "value", value + "X")
    elif isinstance(value, bytes):
        yield f"other bytes for {value[:20]!r}", lambda one, _: setattr(one, "value", value + b"X")


def _without(place: int) -> _Change:
    def change(one: ast.AST, _: ast.AST) -> None:
        assert isinstance(one, ast.Constant)
        assert isinstance(one.value, str)
        lines = one.value.splitlines()
        one.value = "\n".join(lines[:place] + lines[place + 1 :])

    return change


def _skipped(tree: ast.AST) -> set[int]:
    """Return what no test should hold fast: docstrings, annotations, and what is said to people."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            found.update(id(one) for one in ast.walk(node.body[0]))
        if isinstance(node, ast.ClassDef) and any(getattr(one, "id", "") == "Protocol" for one in node.bases):
            # Its methods are never run.
            found.update(id(one) for one in ast.walk(node))
        for part in _annotations(node):
            found.update(id(one) for one in ast.walk(part))
        if isinstance(node, ast.ClassDef):
            found.update(id(one) for part in _shape(node) for one in ast.walk(part))
        if isinstance(node, ast.Call):
            found.update(id(one) for part in _words(node) for one in ast.walk(part))
    return found


def _shape(node: ast.ClassDef) -> Iterator[ast.AST]:
    """Yield what only says how a class may be called and how it lies in memory: type checkers look at that."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            yield from (one.value for one in decorator.keywords if one.arg in ("kw_only", "slots"))


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    for name in ("annotation", "returns"):
        part = getattr(node, name, None)
        if part is not None:
            yield part
    # Types by another name; and the names for a star, which nobody imports and type checkers hold.
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").endswith(("Keys", "__all__")):
        yield node.value
    if isinstance(node, ast.FunctionDef) and node.name == "__repr__":
        yield node


def _words(call: ast.Call) -> Iterator[ast.AST]:
    function = call.func
    name = function.id if isinstance(function, ast.Name) else ""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        name = function.value.id
    if name == "log":
        yield call
    if name in _FOR_PEOPLE:
        yield from call.args
    if name in _REASONED:
        yield from call.args[1:]
    yield from (one.value for one in call.keywords if one.arg == "name")
