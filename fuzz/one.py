"""One mutant, imported in the place of its module: `python -m fuzz.one MODULE FILE TESTS...`, from GOPAY_MUTANT."""

import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Final

import pytest

#: pytest cannot rewrite what was imported before it, and says so.
KNOWN: Final = ("-W", "ignore:Module already imported")


class _Wrong(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from the mutant's source."""

    def __init__(self, name: str, source: str, path: Path) -> None:
        self._name, self._source, self._path = name, source, path

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self._path)) if name == self._name else None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = str(self._path)
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)  # noqa: S102  # that is the mutant


if __name__ == "__main__":
    signal.alarm(40)
    name, file, *tests = sys.argv[1:]
    sys.meta_path.insert(0, _Wrong(name, os.environ["GOPAY_MUTANT"], Path(file)))
    # Before pytest puts its own importer in front of ours.
    importlib.import_module(name)
    sys.exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *KNOWN, "-k", "not postgresql", *tests])))
