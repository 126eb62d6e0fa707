"""The reference page is made from the table, and the table stays as short as it promises."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from gopay_async.api import NOTIFICATIONS, OPERATIONS, QueryTransfer, TopUp

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "reference" / "operations.md").read_text(encoding="utf-8")
MOST_LINES = 20


def script() -> Any:
    """Return docs/build_reference.py, which is no package."""
    spec = importlib.util.spec_from_file_location("build_reference", DOCS / "build_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = script()


def test_the_page_is_up_to_date() -> None:
    assert SCRIPT.render() == PAGE


@pytest.mark.parametrize("kind", [*OPERATIONS, *NOTIFICATIONS], ids=lambda one: one.__name__)
def test_the_page_has_a_row_for_everything(kind: type[Any]) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{kind.__name__}`")]

    assert len(rows) == 1
    assert kind.endpoint.path in rows[0]
    assert f"(https://{kind.endpoint.source})" in rows[0]


def test_an_inquiry_is_what_the_operation_promises_to_return() -> None:
    assert SCRIPT.inquiry_of(TopUp) is QueryTransfer
    assert SCRIPT.inquiry_of(QueryTransfer) is None


def test_an_operation_takes_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        SCRIPT.main(["--lines"])

    assert SCRIPT.lines_per_operation() <= MOST_LINES


def test_the_check_passes_while_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert SCRIPT.main(["--check"]) == 0
    assert capsys.readouterr().out == "operations.md is up to date\n"


def test_the_check_fails_when_the_page_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = script()
    stale.PAGE = tmp_path / "reference" / "operations.md"

    assert stale.main(["--check"]) == 1
    assert "python docs/build_reference.py" in capsys.readouterr().out


def test_the_page_is_written_where_it_belongs(tmp_path: Path) -> None:
    fresh = script()
    fresh.PAGE = tmp_path / "reference" / "operations.md"

    assert fresh.main([]) == 0
    assert fresh.PAGE.read_text(encoding="utf-8") == PAGE


def test_the_script_knows_every_way_to_prove_and_to_repeat() -> None:
    used = {one.endpoint.auth for one in OPERATIONS}, {one.endpoint.retry for one in OPERATIONS}

    assert used == (set(SCRIPT.PROOF), set(SCRIPT.HOW_OFTEN))
