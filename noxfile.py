"""The quality gates.  `nox` runs them all, `nox -s lint` one, `nox --list` says what there is."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nox

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
HERE = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")

nox.needs_version = ">=2026.10"
nox.options.download_python = "never"
# They share nothing but the tree, which none of them changes.
nox.options.allow_parallel = True
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"
nox.options.stop_on_first_error = False


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    roots = {Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser(), Path("~/.pyenv").expanduser()}
    for root in roots:
        yield from sorted(root.glob(f"versions/{version}*/bin/{name}"), reverse=True)
    for folder in os.get_exec_path():
        yield Path(folder, name)


def _is_real(path: Path, version: str) -> bool:
    # A shim of pyenv stands on PATH and fails when it is run, where no version is chosen.
    if not path.is_file():
        return False
    command = [str(path), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0 and found.stdout.strip() == version


def _interpreters() -> dict[str, str]:
    found = {
        version: next((one for one in _candidates(version) if _is_real(one, version)), None) for version in VERSIONS
    }
    return {version: str(path) for version, path in found.items() if path is not None}


INTERPRETERS = _interpreters()
MISSING = [version for version in VERSIONS if version not in INTERPRETERS]
OWN = "{}.{}".format(*sys.version_info[:2])


def _install(session: nox.Session, *groups: str) -> None:
    session.install("-q", "-e", ".[all]", *nox.project.dependency_groups(PROJECT, *groups))


def _without(*paths: str) -> list[str]:
    return [f"--ignore={path}" for path in paths]


# A browser, other people's servers and killed processes tell nothing new under coverage, on another interpreter, or out
# of a wheel: the README's command, and the tests on the interpreter of nox itself, run them.
_ONCE = ("tests/browser", "tests/payouts/test_processes.py", "tests/webhooks/test_servers.py")
ONCE = _without(*_ONCE)
# Neither does a terminal, but some lines of the command line are run in one only.
TERMINAL_ONCE = _without(*_ONCE, "tests/payouts/test_terminal.py")


# In .ci/run those tagged beside run beside the README's command, and those tagged ci afterwards, two at a time. This
# one begins: it takes longest.
@nox.session(tags=["ci"])
def coverage(session: nox.Session) -> None:
    """Run the tests and demand every branch of the package."""
    _install(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-q", *ONCE, *session.posargs)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")


def _test_on(version: str) -> None:
    left_out = [] if version == OWN else TERMINAL_ONCE

    def test(session: nox.Session) -> None:
        _install(session, "test")
        session.run("python", "-m", "pytest", "-q", *left_out, *session.posargs)

    test.__doc__ = f"Run the tests on Python {version}."
    # The README's command runs them on the interpreter of nox itself.
    tags = [] if version == OWN else ["ci"]
    nox.session(name=f"tests-{version}", python=INTERPRETERS[version], tags=tags, default=False)(test)


for _version in INTERPRETERS:
    _test_on(_version)


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Run the tests on every interpreter that is present."""
    if MISSING:
        session.warn(f"not found, so not tested: Python {', '.join(MISSING)}")
    for version in INTERPRETERS:
        session.notify(f"tests-{version}", session.posargs)


@nox.session(tags=["beside"])
def lint(session: nox.Session) -> None:
    """Look for mistakes, and for what is not formatted."""
    session.install("-q", *nox.project.dependency_groups(PROJECT, "check"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(tags=["beside"])
def types(session: nox.Session) -> None:
    """Let mypy and pyright check every type, the tests included."""
    _install(session, "dev")
    session.run("mypy")
    session.run("pyright", "--pythonpath", str(Path(session.bin, "python")))


@nox.session(tags=["beside"])
def wheel(session: nox.Session) -> None:
    """Build, look inside, install elsewhere, and run the tests there."""
    outside = Path(session.create_tmp())
    dist = outside / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.install("-q", "build", *nox.project.dependency_groups(PROJECT, "test"))
    # The wheel is built from the source distribution, so both are tried.
    session.run("python", "-m", "build", "-q", "--outdir", str(dist), ".", silent=True)
    (built,) = dist.glob("*.whl")
    _look_inside(session, built)
    session.install("-q", f"{built}[all]")
    session.install("-q", "--force-reinstall", "--no-deps", str(built))
    session.chdir(_without_the_package(outside / "tree"))
    session.run("python", "-m", "pytest", "-q", *TERMINAL_ONCE, *session.posargs)


def _look_inside(session: nox.Session, built: Path) -> None:
    names = zipfile.ZipFile(built).namelist()
    if "gopay_async/py.typed" not in names:
        session.error(f"{built.name} has no py.typed")
    strangers = [name for name in names if not name.startswith(("gopay_async/", "gopay_async-"))]
    if strangers:
        session.error(f"{built.name} holds what it should not: {', '.join(strangers)}")


def _without_the_package(tree: Path) -> Path:
    """Copy everything but the package, so that only the installed one can be imported."""
    shutil.rmtree(tree, ignore_errors=True)
    left_out = shutil.ignore_patterns("gopay_async", ".*", "__pycache__", "dist", "build", "*.egg-info")
    shutil.copytree(HERE, tree, ignore=left_out)
    return tree


@nox.session(default=False)
def lowest(session: nox.Session) -> None:
    """Run the tests with the oldest versions that the core promises to work with."""
    core = [one.replace(">=", "==") for one in PROJECT["project"]["dependencies"]]
    session.install("-q", "-e", ".[all]", *core, *nox.project.dependency_groups(PROJECT, "test"))
    session.run("python", "-m", "pytest", "-q", *session.posargs)


@nox.session(default=False)
def invariant(session: nox.Session) -> None:
    """Let a hundred thousand random operations with faults look for a rupiah that is lost."""
    _install(session, "test")
    session.run("python", "-m", "pytest", "-q", "tests/test_invariant.py", env={"GOPAY_OPERATIONS": "100000"})


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Print every claim about speed as a ratio, and fail when a limit is missed."""
    session.install("-q", ".")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Play 10 million inputs to the verifier, guided by coverage; the short mode is among the tests."""
    session.install("-q", "-e", ".", *nox.project.dependency_groups(PROJECT, "fuzz"))
    for name, runs in (("verifier", 10_000_000), ("objects", 2_000_000)):
        session.run("python", "-m", "fuzz", name, "-print_final_stats=1", *(session.posargs or [f"-runs={runs}"]))


@nox.session(name="mutate-webhooks", default=False)
def mutate_webhooks(session: nox.Session) -> None:
    """Put small wrongs into signing, verifier and replay code, and demand that the tests notice 95 % of them."""
    _install(session, "test")
    session.run("python", "-m", "fuzz.mutate", *session.posargs)


@nox.session(default=False)
def servers(session: nox.Session) -> None:
    """Deliver to every server by every framework, under a root_path and behind a proxy, over real sockets."""
    _install(session, "test")
    session.run("python", "-m", "pytest", "-q", "tests/webhooks/test_servers.py", *session.posargs)


@nox.session(default=False)
def kill9(session: nox.Session) -> None:
    """Kill a payout job 300 times at random instants: nobody is paid twice, nobody is lost (long)."""
    _install(session, "test")
    session.run("python", "-m", "tests.campaigns.kill9.campaign", *session.posargs)


@nox.session(name="mutate-payouts", default=False)
def mutate_payouts(session: nox.Session) -> None:
    """Put mistakes into plan, ledger and runner: the tests must notice 95 in a hundred (long)."""
    _install(session, "test")
    session.run("python", "-m", "tests.campaigns.mutate", *session.posargs)


@nox.session(name="bench-payouts", default=False)
def bench_payouts(session: nox.Session) -> None:
    """Print what the ledger costs, and how one million payouts compare with ten thousand (long)."""
    session.install("-q", ".[payouts]")
    session.run("python", "-m", "benchmarks.payouts")
    session.run("python", "-m", "benchmarks.payouts_million", *session.posargs)
