"""Tests run in children of this process, which has imported much and nothing of the package.  Knows no score."""

import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from itertools import cycle
from pathlib import Path
from typing import Any

# Imported before the fork, so that no child has to: whatever a test needs but the package itself.
import aiohttp  # noqa: F401  # see above
import cattrs  # noqa: F401  # see above
import hypothesis
import pytest
import redis.asyncio  # noqa: F401  # see above
import sqlalchemy.ext.asyncio  # noqa: F401  # see above
from cryptography.hazmat.primitives.asymmetric import rsa

#: How a child ends that the time limit stopped.
HUNG = -signal.SIGALRM


def in_child(work: Callable[[int], object]) -> tuple[int, str]:
    """Do *work* in a child, and return how it ended, and what it wrote to the file descriptor that it was given."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            work(writing)
        except BaseException:  # noqa: BLE001  # no child may go on as if it were the parent
            os._exit(70)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        answer = told.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), answer


def be_quiet() -> None:
    """Let nothing of this process be printed any more."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)


def run_pytest(tests: Sequence[str], plugins: Sequence[object] = ()) -> int:
    """Run *tests* until one fails, and return the exit code."""
    hypothesis.settings.register_profile("mutants", max_examples=15, derandomize=True, deadline=None, database=None)
    hypothesis.settings.load_profile("mutants")
    # pytest cannot rewrite what was imported before it, and says so.
    known = ("-W", "ignore:Module already imported")
    silent = ("-o", "addopts=", "-p", "no:terminal", "-p", "no:cacheprovider")
    options = ("-x", *silent, "-k", "not postgresql", *known)
    return int(pytest.main([*options, *tests], plugins=plugins))


class TimeLimit:
    """A plugin of pytest that ends the process with HUNG where one test takes longer than *seconds*, or than *own*."""

    def __init__(self, seconds: int, own: Mapping[str, int] | None = None) -> None:
        self.seconds = seconds
        #: Test -> the seconds that it may take, where it is not as long as the others.
        self.own = own or {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin anew with every test: a slow machine is no mutant."""
        signal.alarm(self.own.get(nodeid, self.seconds))


def share_keys() -> None:
    """Let every child use the same few keys: making them would take half of its time."""
    make = rsa.generate_private_key
    keys = cycle([make(65537, 2048) for _ in range(4)])

    def shared(public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
        return next(keys) if key_size == 2048 else make(public_exponent, key_size)

    rsa.generate_private_key = shared


class _Wrong(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from the mutant's source."""

    def __init__(self, name: str, source: str, path: Path) -> None:
        self._name, self._source, self._path = name, source, path

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self._path)) if name == self._name else None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = str(self._path)
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)  # noqa: S102  # that is the mutant


def run_imported(
    name: str, source: str, path: Path, tests: Sequence[str], limit: int, *, own: Mapping[str, int] | None = None
) -> int:
    """Run *tests*, each at most *limit* seconds, in a child that imports *source* in the place of the module *name*.

    *own* are the limits of tests that have others.
    """

    def work(_: int) -> None:
        be_quiet()
        sys.meta_path.insert(0, _Wrong(name, source, path))
        # Before pytest puts its own importer in front of ours.
        importlib.import_module(name)
        os._exit(run_pytest(tests, [TimeLimit(limit, own)]))

    return in_child(work)[0]
