"""What the distribution promises to whoever installs it."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = {"aiohttp", "anyio", "attrs", "cattrs", "cryptography"}
EXTRAS = {
    "cli": {"rich", "typer", "uvicorn"},
    "payouts": {"aiosqlite", "jinja2", "sqlalchemy[asyncio]"},
    "simulator": {"jinja2"},
    "distributed": {"procrastinate", "psycopg[binary]"},
    "redis": {"redis"},
}
REQUIREMENT = re.compile(r"(?P<name>[a-z0-9-]+(?:\[[a-z,]+\])?)>=(?P<bound>[0-9.]+)")


def names(requirements: list[str]) -> set[str]:
    return {one.partition(">=")[0] for one in requirements}


def test_the_core_needs_exactly_five_packages() -> None:
    assert names(PROJECT["dependencies"]) == CORE


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_needs_exactly_its_packages(extra: str) -> None:
    assert names(PROJECT["optional-dependencies"][extra]) == EXTRAS[extra]


def test_all_is_every_other_extra() -> None:
    others = ",".join(sorted(EXTRAS))

    assert PROJECT["optional-dependencies"].keys() == {*EXTRAS, "all"}
    assert PROJECT["optional-dependencies"]["all"] == [f"gopay-async[{others}]"]


@pytest.mark.parametrize(
    "requirement",
    [*PROJECT["dependencies"], *(one for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra])],
)
def test_a_requirement_has_a_lower_bound_and_no_upper_one(requirement: str) -> None:
    assert REQUIREMENT.fullmatch(requirement)


def test_what_is_installed_is_this_version() -> None:
    assert version("gopay-async") == PROJECT["version"]


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## \[?([0-9][^\]\s]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert headings[0] == PROJECT["version"]


def test_python_is_3_11_or_newer_and_the_licence_a_free_one() -> None:
    assert (PROJECT["requires-python"], PROJECT["license"]) == (">=3.11", "Apache-2.0")
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]


@pytest.mark.parametrize("marker", ["tests-command", "demo-command"])
def test_the_readme_holds_the_command_that_ci_runs(marker: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert re.search(rf"<!-- {marker} -->\n```\w*\npython3 -m venv [^\n]+\n```", readme)
