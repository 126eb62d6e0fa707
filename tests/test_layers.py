"""The plan of the house: imports point down or sideways, never up, in circles, or from inside a function."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

import gopay_async

ROOT = Path(gopay_async.__file__).parent

#: Layer -> modules and packages; the longest name that fits a module says where it belongs.
LAYERS = {
    0: {"", "clock", "codes", "errors", "fields", "keys", "launch", "operation", "signing"},
    1: {"api", "credentials", "models"},
    2: {"exchange", "linking", "proofs", "retry", "wire"},
    3: {
        "transport",
        "webhooks.explanation",
        "webhooks.headers",
        "webhooks.keyring",
        "webhooks.matching",
        "webhooks.payout",
        "webhooks.signer",
        "webhooks.typed",
        "webhooks.verifier",
    },
    4: {"call", "session", "tokens"},
    5: {"payouts", "simulator", "webhooks"},
    6: {"cli", "pytest_plugin"},
}
#: Where a module may be imported by its name at run time, and why.
LAZY = {
    "": "a process that only listens must not import aiohttp",
    "cli.later": "a command starts with what it needs itself",
    "pytest_plugin": "pytest imports it in every run, whoever needs it, and before coverage starts",
}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 45

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@frozen
class Module:
    """One file of the package, under its name without `gopay_async`."""

    name: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def found() -> dict[str, Module]:
    modules = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = Module(name, path)
    return modules


MODULES = found()


def layer(name: str) -> int:
    place = entry(name)
    return next(number for number, names in LAYERS.items() if place in names)


def entry(name: str) -> str:
    """Return the longest name of the table that is *name* or a package around it."""
    known = set().union(*LAYERS.values()) - {""}
    fits = [one for one in known if name == one or name.startswith(f"{one}.")]
    return max(fits, key=len, default=name)


def imports(module: Module) -> set[str]:
    """Return the modules of the package that *module* imports when it is imported."""
    return {name for node in at_run_time(module.tree) for name in targets(module, node)}


def at_run_time(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield from at_run_time(node)


def targets(module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name.partition(".")[2] for one in node.names if f"{one.name}.".startswith("gopay_async."))
        return
    base = origin(module, node)
    if base is None:
        return
    for one in node.names:
        inner = f"{base}.{one.name}".lstrip(".")
        yield inner if inner in MODULES else base


def origin(module: Module, node: ast.ImportFrom) -> str | None:
    """Return the module that `from ... import` names, None when it is another distribution's."""
    if node.level == 0:
        first, _, rest = (node.module or "").partition(".")
        return rest if first == "gopay_async" else None
    around = module.package.split(".") if module.package else []
    kept = around[: len(around) - (node.level - 1)]
    return ".".join([*kept, *(node.module.split(".") if node.module else [])])


IMPORTS = {name: imports(module) for name, module in MODULES.items()}


def functions(tree: ast.AST) -> Iterator[FunctionNode]:
    return (node for node in ast.walk(tree) if isinstance(node, FunctionNode))


every_module = pytest.mark.parametrize("name", MODULES, ids=lambda name: name or "gopay_async")


def test_there_are_modules_to_look_at() -> None:
    assert {"exchange", "session", "api.emoney"} <= set(MODULES)
    assert {"operation", "models", "credentials"} <= IMPORTS["exchange"] | IMPORTS["credentials"]


@every_module
def test_every_module_has_a_place_in_the_table(name: str) -> None:
    assert [number for number, names in LAYERS.items() if entry(name) in names] != [], f"{name} is in no layer"


def test_every_name_of_the_table_is_a_module() -> None:
    gone = {name for names in LAYERS.values() for name in names} - set(MODULES)

    assert gone - {"payouts"} == set()


@every_module
def test_imports_point_down_or_sideways(name: str) -> None:
    upwards = [one for one in IMPORTS[name] if layer(one) > layer(name)]

    # A package opens with names from its own modules, whatever their layer.
    assert [one for one in upwards if not one.startswith(f"{name}.")] == []


@every_module
def test_no_application_imports_another(name: str) -> None:
    applications = {one.partition(".")[0] for one in IMPORTS[name] if layer(one) == 5}

    assert layer(name) != 5 or applications <= {name.partition(".")[0]}


def test_imports_never_run_in_a_circle() -> None:
    left = {name: set(IMPORTS[name]) - {name} for name in MODULES}
    while free := {name for name, needs in left.items() if not needs & set(left)}:
        left = {name: needs for name, needs in left.items() if name not in free}

    assert left == {}


@every_module
def test_no_function_imports(name: str) -> None:
    hidden = [
        f"{function.name}, line {node.lineno}"
        for function in functions(MODULES[name].tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert hidden == []


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(LAZY)))
def test_no_module_imports_by_name(name: str) -> None:
    names = {node.id for node in ast.walk(MODULES[name].tree) if isinstance(node, ast.Name)}

    assert names & {"import_module", "importlib", "__import__"} == set()


@every_module
def test_no_module_is_longer_than_the_limit(name: str) -> None:
    assert len(MODULES[name].text.splitlines()) <= LONGEST_MODULE


@every_module
def test_no_function_is_longer_than_the_limit(name: str) -> None:
    lengths = {one.name: (one.end_lineno or one.lineno) - one.lineno + 1 for one in functions(MODULES[name].tree)}

    assert {function: length for function, length in lengths.items() if length > LONGEST_FUNCTION} == {}


@every_module
def test_every_module_says_what_it_owns(name: str) -> None:
    assert ast.get_docstring(MODULES[name].tree)
