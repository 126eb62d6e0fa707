"""Small mistakes put into the payouts, one at a time: does a test notice each of them?

`python -m tests.campaigns.mutate [--only plan] [--sample 100]` prints the share that was noticed and every mistake that
was not; exit 1 below 95 in a hundred.  A mistake that does not change what the code does is listed in `EQUIVALENT`.
"""

import argparse
import ast
import copy
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
#: Module -> the tests that must notice.
TARGETS = {
    "plan": ["tests/payouts/test_plan.py", "tests/payouts/test_model.py"],
    "desk": ["tests/payouts/test_runner.py", "tests/payouts/test_ledger.py"],
    "ledger": ["tests/payouts/test_ledger.py", "tests/payouts/test_runner.py"],
    "runner": ["tests/payouts/test_runner.py"],
    "writer": ["tests/payouts/test_ledger.py", "tests/payouts/test_runner.py"],
}
SECONDS = 90
#: Mistakes that change nothing that anybody could see, and why.
EQUIVALENT: dict[str, str] = {}


@frozen
class Mistake:
    """One changed place."""

    module: str
    line: int
    words: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line}: {self.words}"


_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """Yield every mistake that can be made at *node*: its name, and what makes it."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        other = _COMPARISONS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} -> {other.__name__}", lambda it: _set(it, "ops", [other()])
    if isinstance(node, ast.BoolOp):
        swapped = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"-> {swapped.__name__}", lambda it: _set(it, "op", swapped())
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        operator = _OPERATORS[type(node.op)]
        yield f"{type(node.op).__name__} -> {operator.__name__}", lambda it: _set(it, "op", operator())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", lambda it: _set(it, "op", ast.UAdd())
    if isinstance(node, ast.IfExp | ast.If | ast.While):
        yield "condition negated", lambda it: _set(it, "test", ast.UnaryOp(ast.Not(), it.test))  # type: ignore[attr-defined]  # it has one
    if isinstance(node, ast.keyword) and node.arg in ("kw_only", "init", "repr"):
        # How a class may be built and shown is the type checker's to notice.
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", lambda it: _set(it, "value", not it.value)  # type: ignore[attr-defined]  # it has one
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield f"{node.value} -> {node.value + 1}", lambda it: _set(it, "value", it.value + 1)  # type: ignore[attr-defined]  # it has one
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
        yield "call dropped", lambda it: _set(it, "value", ast.Constant(None))


def _set(node: ast.AST, name: str, value: object) -> None:
    setattr(node, name, value)


def mistakes(module: str) -> Iterator[Mistake]:
    """Yield every mistake in *module*."""
    path = ROOT / "gopay_async" / "payouts" / f"{module}.py"
    whole = ast.parse(path.read_text(encoding="utf-8"))
    for index, node in enumerate(ast.walk(whole)):
        for words, change in _changes(node):
            tree = copy.deepcopy(whole)
            place = list(ast.walk(tree))[index]
            before = ast.unparse(place)[:60].replace("\n", " ")
            change(place)
            yield Mistake(module, getattr(node, "lineno", 0), f"{words}: {before}", ast.fix_missing_locations(tree))


class _Planted(Loader):
    """Gives one module with a mistake in it."""

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        wanted = f"gopay_async.payouts.{self.mistake.module}"
        return ModuleSpec(name, self) if name == wanted else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mistake.tree, self.mistake.module, "exec"), module.__dict__)


def is_noticed(mistake: Mistake) -> bool:
    """Whether a test fails with *mistake* in place: in a process of its own, which ends whatever happens."""
    child = os.fork()
    if child == 0:
        os.setpgrp()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        signal.alarm(SECONDS)
        sys.meta_path.insert(0, _Planted(mistake))
        arguments = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", *TARGETS[mistake.module]]
        os._exit(0 if pytest.main(arguments) == pytest.ExitCode.OK else 1)
    return os.waitpid(child, 0)[1] != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TARGETS, action="append")
    parser.add_argument("--sample", type=int, help="So many of each module, by chance.")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # Loaded once here, so that no child pays for it; what is tested is loaded by each child anew.
    __import__("tests.payouts.preload")
    good = True
    for module in options.only or TARGETS:
        found = list(mistakes(module))
        some = random.Random(options.seed).sample(found, min(options.sample or len(found), len(found)))
        good = _report(module, [one for one in some if str(one) not in EQUIVALENT], len(found)) and good
    return 0 if good else 1


def _report(module: str, chosen: list[Mistake], total: int) -> bool:
    began, left = time.monotonic(), []
    whole = ast.parse((ROOT / "gopay_async" / "payouts" / f"{module}.py").read_text(encoding="utf-8"))
    if is_noticed(Mistake(module, 0, "none at all", whole)):
        print(f"{module}: its tests fail without any mistake", flush=True)
        return False
    for one in chosen:
        if not is_noticed(one):
            left.append(one)
            print(f"  not noticed: {one}", flush=True)
    share = 1 - len(left) / max(len(chosen), 1)
    seconds = time.monotonic() - began
    print(f"{module}: {share:.1%} of {len(chosen)} mistakes (of {total}) noticed, {seconds:.0f} s", flush=True)
    return share >= 0.95


if __name__ == "__main__":
    sys.exit(main())
