"""The collected tests run once for each mutant, in a child of its own.  Knows no score."""

import os
import sys
import time
import types
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from fuzz.mutants import Mutant
from fuzz.running import HUNG, TimeLimit, be_quiet, in_child

#: One test may take as long as all of them without a mutant, and at least so many seconds.
_AT_LEAST: Final = 10


class Collected(TimeLimit):
    """A plugin of pytest; *alive* are the mutants that no test noticed."""

    def __init__(self, name: str, path: Path, found: list[Mutant]) -> None:
        super().__init__(0)
        self._name, self._path, self._found = name, path, found
        self._tell: int | None = None
        self.alive: list[Mutant] = []
        self.hung = 0
        #: Which test fails with the right code.
        self.failed = "all"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Return True in the parent, so that nothing more is run; None in a child, which runs the tests."""
        begun = time.monotonic()
        for one in [None, *self._found]:
            code, noticed = in_child(partial(self._play, session, one))
            if one is None and code != 0:
                self.failed = noticed or "all"
                return True
            self.seconds = self.seconds or max(_AT_LEAST, round(time.monotonic() - begun))
            # What noticed one is likely to notice the next: it goes first.
            session.items.sort(key=lambda item: item.nodeid != noticed)
            self.hung += code == HUNG
            if one is not None and code == 0:
                self.alive.append(one)
        self.failed = ""
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell the parent which test noticed."""
        if self._tell is not None and report.failed:
            os.write(self._tell, report.nodeid.encode())

    def _play(self, session: pytest.Session, mutant: Mutant | None, tell: int) -> None:
        """Run the tests, and end this process with the verdict."""
        self._tell = tell
        be_quiet()
        # Without a mutant the right code is put in its own place, to see that this alone changes nothing.
        source = mutant.source if mutant else self._path.read_text(encoding="utf-8")
        patch(sys.modules[self._name], source, self._path)
        standard = session.config.pluginmanager.subset_hook_caller("pytest_runtestloop", remove_plugins=[self])
        standard(session=session)


def patch(module: types.ModuleType, source: str, path: Path) -> None:
    """Put the code of the mutant into the functions of *module*; whoever imported them has it too."""
    wrong = types.ModuleType(module.__name__)
    wrong.__file__, wrong.__package__, wrong.__spec__ = str(path), module.__package__, module.__spec__
    right = sys.modules[module.__name__]
    sys.modules[module.__name__] = wrong
    try:
        exec(compile(source, str(path), "exec"), wrong.__dict__)  # noqa: S102  # that is the mutant
    finally:
        sys.modules[module.__name__] = right
    _graft(vars(module), vars(wrong), module)


def _graft(old: Mapping[str, Any], new: Mapping[str, Any], module: types.ModuleType) -> None:
    for name, value in old.items():
        other = new.get(name)
        if isinstance(value, type) and isinstance(other, type) and value.__module__ == module.__name__:
            _graft(vars(value), vars(other), module)
            continue
        mine, theirs = _function(value), _function(other)
        if mine is not None and theirs is not None and mine.__module__ == module.__name__:
            mine.__code__ = theirs.__code__ if mine.__closure__ is None else mine.__code__
            mine.__defaults__, mine.__kwdefaults__ = theirs.__defaults__, theirs.__kwdefaults__
        elif (
            isinstance(value, str | int | bytes | tuple | set | dict)
            and old is vars(module)
            and not name.startswith("__")
        ):
            setattr(module, name, other)


def _function(value: object) -> types.FunctionType | None:
    inner = (
        getattr(value, "fget", None) or getattr(value, "__func__", None) or getattr(value, "__wrapped__", None) or value
    )
    return inner if isinstance(inner, types.FunctionType) else None
