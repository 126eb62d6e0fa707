"""Small mistakes put into the payouts, one at a time: does a test notice each of them?

`python -m tests.campaigns.mutate [plan ledger ...]` tells: every mistake that no test noticed, with the reason where it
changes nothing, and the share that was noticed; exit 1 below 95 in a hundred.  Each mistake is tried by the tests that
run its function, in a forked process that puts it into the functions that are there already, and then, where nobody
noticed it, once more with the wrong module imported in the place of the right one.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from attrs import astuple, define, field

from fuzz.collected import patch
from fuzz.mutants import Mutant, mutants
from fuzz.running import HUNG, TimeLimit, be_quiet, in_child, run_imported, run_pytest, share_keys
from fuzz.tally import Tally

from .survivors import EQUIVALENT
from .touched import Touched, functions

ROOT: Final = Path(__file__).parents[2]
LIMIT: Final = 95.0
#: A test may take so many seconds, or ten times what it takes without a mistake.
_AT_LEAST: Final = 20
_PURE: Final = (
    "tests/payouts/test_plan.py",
    "tests/payouts/test_words_of_the_ledger.py",
    "tests/payouts/test_outcomes.py",
    "tests/payouts/test_model.py",
)
_RUN: Final = (
    "tests/payouts/test_desk.py",
    "tests/payouts/test_run.py",
    "tests/payouts/test_database.py",
    "tests/payouts/test_writer.py",
    "tests/payouts/test_crew.py",
    "tests/payouts/test_shapes.py",
    "tests/payouts/test_lock.py",
    "tests/payouts/test_pacer.py",
    "tests/payouts/test_inbox.py",
    "tests/payouts/test_ledger.py",
    "tests/payouts/test_runner.py",
    "tests/payouts/test_edges.py",
    "tests/payouts/test_report.py",
    "tests/payouts/test_alike.py",
    "tests/payouts/test_read_only.py",
    "tests/payouts/test_hazards.py",
)
#: Module -> the tests that may notice: plan, ledger and runner, and what they are made of.
TARGETS: Final = {
    "plan": _PURE,
    "steps": _PURE,
    "facts": _PURE,
    "streak": _PURE,
    "outcomes": _PURE,
    "ledger": _RUN,
    "records": _RUN,
    "moves": _RUN,
    "together": _RUN,
    "writer": _RUN,
    "database": _RUN,
    "lock": _RUN,
    "runner": _RUN,
    "crew": _RUN,
    "desk": _RUN,
    "inbox": _RUN,
    "pacer": _RUN,
}


def main(arguments: Sequence[str]) -> int:
    """Try the mistakes in all modules, or in those that *arguments* name."""
    share_keys()
    tally, began = Tally(), time.monotonic()
    for module in arguments or TARGETS:
        tally += Session(module).run()
    seconds = time.monotonic() - began
    print(f"all: {tally}; at least {LIMIT:g} % are demanded; {seconds:.0f} s")
    return 0 if tally.score >= LIMIT else 1


@define(eq=False)
class Session:
    """All mistakes in one module."""

    module: str
    path: Path = field(init=False)
    name: str = field(init=False)
    source: str = field(init=False)
    #: Test -> the seconds that it may take.
    limits: dict[str, int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.path = ROOT / "gopay_async" / "payouts" / f"{self.module}.py"
        self.name = f"gopay_async.payouts.{self.module}"
        self.source = self.path.read_text(encoding="utf-8")

    def run(self) -> Tally:
        """Try every mistake, tell about those that nobody noticed, and return the tally."""
        found = list(mutants(self.source))
        print(f"{self.module}: {len(found)} mistakes to try ...", file=sys.stderr, flush=True)
        tried = self._try(found)
        left = [one for one in tried if one.code == 0]
        every = [str(ROOT / one) for one in TARGETS[self.module]]
        if left and self._run(self.source, every) != 0:
            raise SystemExit(f"the tests of {self.module} fail where the right code is imported")
        again = [self._import(found[one.number], one) for one in left]
        alive = [found[one.number] for one, code in zip(left, again, strict=True) if code == 0]
        told = sum(self._tell(one) for one in alive)
        hung = [*(one.code for one in tried), *again].count(HUNG)
        tally = Tally(len(found), len(found) - len(alive), hung, told)
        print(f"{self.module}: {tally}", flush=True)
        return tally

    def _try(self, found: list[Mutant]) -> "list[Tried]":
        """Return what the tests say where the mistakes are put into the functions."""

        def work(tell: int) -> None:
            plugin = _Trying(self.name, self.path, found)
            run_pytest([str(ROOT / one) for one in TARGETS[self.module]], [plugin, plugin.touched])
            os.write(tell, json.dumps([plugin.failed, [astuple(one) for one in plugin.tried], plugin.own]).encode())

        failed, tried, self.limits = json.loads(in_child(work)[1] or '["it cannot be imported", [], {}]')
        if failed or len(tried) != len(found):
            raise SystemExit(f"the tests of {self.module} fail without any mistake: {failed}")
        return [Tried(*one) for one in tried]

    def _import(self, mutant: Mutant, tried: "Tried") -> int:
        """Return what the same tests say where the wrong module is imported; 0 when they notice nothing."""
        tests = [str(ROOT / one) for one in tried.tests]
        return self._run(mutant.source, tests) if tests else 0

    def _run(self, source: str, tests: Sequence[str]) -> int:
        return run_imported(self.name, source, self.path, tests, max(self.limits.values()), own=self.limits)

    def _tell(self, mutant: Mutant) -> bool:
        reason = EQUIVALENT.get((self.module, mutant.text, mutant.what))
        print(
            f"  not noticed: {self.module}.py:{mutant.line}: {mutant.what}: {reason or 'NOT EXPLAINED'}: {mutant.text}"
        )
        return reason is not None


@define
class Tried:
    """What the tests said about one mistake."""

    number: int
    #: 0: nothing.
    code: int
    #: The tests that run its function.
    tests: list[str]


class _Trying(TimeLimit):
    """A plugin of pytest that runs, for each mistake, the tests that can notice it, in a child of its own."""

    def __init__(self, name: str, path: Path, found: list[Mutant]) -> None:
        super().__init__(0)
        self._name, self._path, self._found = name, path, found
        self.touched = Touched(path)
        self.tried: list[Tried] = []
        #: Which test fails without any mistake.
        self.failed = "all of them"
        #: Whether the right code, put into the functions in the same way, changes nothing.  Where it does change
        #: something, every mistake would seem to be noticed, and only the import tells.
        self._can_be_put_in = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Return True in the parent, so that nothing more is run; None in a child, which runs the tests."""
        answer = json.loads(in_child(partial(self._look, session))[1])
        self.failed, self.touched.ran, self.touched.seconds = answer
        self.own = {name: max(_AT_LEAST, round(10 * seconds)) for name, seconds in self.touched.seconds.items()}
        if not self.failed:
            right = self._path.read_text(encoding="utf-8")
            self._can_be_put_in = in_child(partial(self._play, session, right, self.touched.tests(None)))[0] == 0
            bodies = functions(right)
            self.tried = [self._try(session, number, bodies) for number in range(len(self._found))]
        return True

    def _look(self, session: pytest.Session, tell: int) -> None:
        be_quiet()
        self.touched.following = True
        self._run(session)
        os.write(tell, json.dumps([self.touched.failed, self.touched.ran, self.touched.seconds]).encode())

    def _try(self, session: pytest.Session, number: int, bodies: Sequence[range]) -> Tried:
        line = self._found[number].line
        within = next((one for one in bodies if line in one), None)
        tests = self.touched.tests(within)
        # What stands outside of functions, or runs at the import only, may be noticed by whoever uses the module.
        at_import = within is None or not tests
        tests = self.touched.tests(None) if at_import else tests
        # What is put into a function that has run already changes nothing any more.
        quick = self._can_be_put_in and tests and not at_import
        code = in_child(partial(self._play, session, self._found[number].source, tests))[0] if quick else 0
        return Tried(number, code, tests)

    def _play(self, session: pytest.Session, source: str, tests: Sequence[str], _: int) -> None:
        be_quiet()
        patch(sys.modules[self._name], source, self._path)
        order = {name: place for place, name in enumerate(tests)}
        session.items = sorted((one for one in session.items if one.nodeid in order), key=lambda one: order[one.nodeid])
        self._run(session)

    def _run(self, session: pytest.Session) -> None:
        standard = session.config.pluginmanager.subset_hook_caller("pytest_runtestloop", remove_plugins=[self])
        standard(session=session)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
