"""Which tests run which function of a module: only they can notice a mistake in it.  Knows no mistake."""

import ast
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from attrs import define, field


@define(eq=False)
class Touched:
    """A plugin of pytest that follows what the tests run of the module at *path*, while it is *following*."""

    path: Path
    following: bool = False
    #: Test -> the first lines of the functions that it ran, and how long it took.
    ran: dict[str, list[int]] = field(factory=dict)
    seconds: dict[str, float] = field(factory=dict)
    failed: str = ""
    _now: set[int] = field(factory=set)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what *item* runs, its fixtures included."""
        if not self.following:
            return (yield)
        self._now, began = set(), time.monotonic()
        # The threads of a ledger are begun by the tests, and so are followed as well.
        threading.setprofile(self._follow)
        sys.setprofile(self._follow)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            self.ran[item.nodeid] = sorted(self._now)
            self.seconds[item.nodeid] = time.monotonic() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test that fails."""
        if report.failed:
            self.failed = report.nodeid

    def _follow(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename == str(self.path):
            self._now.add(frame.f_code.co_firstlineno)

    def tests(self, lines: range | None) -> list[str]:
        """Return the tests that ran a function that begins within *lines*, the quickest first; None: all."""
        found = [name for name, ran in self.ran.items() if lines is None or any(one in lines for one in ran)]
        return sorted(found, key=lambda name: self.seconds[name])


def functions(source: str) -> list[range]:
    """Return the lines of the bodies of the outermost functions of *source*, each with its head before it."""
    found = []
    for node in _outermost(ast.parse(source)):
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        found.append(range(first, (node.end_lineno or node.lineno) + 1))
    return found


def _outermost(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        else:
            yield from _outermost(node)
