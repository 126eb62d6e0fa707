"""The names that others build on: where they are, that they resolve, and what importing them costs."""

import ast
import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

import gopay_async
from gopay_async import InvalidInput, Money, errors
from gopay_async.api import QueryTransfer, TopUp
from gopay_async.errors import GoPayError, OperationError, OutcomeUnknown, Received, WebhookError
from gopay_async.models import parse_time

TOP_UP = TopUp(
    partner_reference_no="payout-1",
    customer_number="6281773628883",
    customer_name="Siti Rahayu",
    amount=Money(25_000),
    notes="Cashback",
)
RECEIVED = Received(504, "5043800", "Timeout", b'{"responseCode":"5043800"}', 2.0)
SENT_AT = parse_time("2026-11-20T12:00:00+07:00")
#: Exceptions that no caller ever sees, and what becomes of them; a leading underscore says the same.
PLUMBING = {
    "gopay_async.wire.Misfit": "raised and caught between wire and its callers",
    "gopay_async.transport.TooLarge": "`send` makes an unknown outcome of whatever a transport raises",
    "gopay_async.simulator.refusal.BadField": "the simulator answers it",
    "gopay_async.simulator.refusal.Refusal": "the simulator answers it",
    "gopay_async.simulator.routes.NoRoute": "the simulator answers it",
}


def type_checking_block() -> dict[str, str]:
    """Return what type checkers are told: public name -> module."""
    tree = ast.parse(Path(gopay_async.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    nodes = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {one.name: str(node.module) for node in nodes for one in node.names}


def module_names() -> list[str]:
    root = Path(gopay_async.__file__).parent
    parts = (path.relative_to(root.parent).with_suffix("").parts for path in sorted(root.rglob("*.py")))
    return [".".join(one).removesuffix(".__init__") for one in parts if one[-1] != "__main__"]


every_module = pytest.mark.parametrize("name", module_names())


def exceptions_of(module: ModuleType) -> list[type[BaseException]]:
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, BaseException) and one.__module__ == module.__name__
    ]


def imported_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has after *statement*."""
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_all_is_sorted_and_names_nothing_twice() -> None:
    assert sorted(set(gopay_async.__all__)) == gopay_async.__all__


def test_type_checkers_are_told_the_same_names() -> None:
    assert sorted(type_checking_block()) == gopay_async.__all__


@pytest.mark.parametrize(("name", "module"), type_checking_block().items())
def test_a_public_name_is_what_type_checkers_take_it_for(name: str, module: str) -> None:
    assert getattr(gopay_async, name) is getattr(importlib.import_module(f"gopay_async.{module}"), name)


def test_public_names_show_in_dir_and_others_do_not_exist() -> None:
    assert set(gopay_async.__all__) <= set(dir(gopay_async))
    with pytest.raises(AttributeError, match="ClientSession"):
        gopay_async.ClientSession  # noqa: B018  # the access is the test


@every_module
def test_every_name_in_all_exists_once(name: str) -> None:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])

    assert [one for one in names if not hasattr(module, one)] == []
    assert len(set(names)) == len(names)


def test_the_receiver_does_not_import_aiohttp() -> None:
    assert (
        imported_by("import gopay_async.webhooks") & {"aiohttp", "gopay_async.session", "gopay_async.transport"}
        == set()
    )


@pytest.mark.parametrize("statement", ["import gopay_async", "from gopay_async import *"])
def test_applications_are_never_imported_unasked(statement: str) -> None:
    applications = ("gopay_async.simulator", "gopay_async.payouts", "gopay_async.cli", "gopay_async.webhooks")

    assert {one for one in imported_by(statement) if one.startswith(applications)} == set()


def test_the_package_itself_imports_nothing_of_its_own() -> None:
    assert {one for one in imported_by("import gopay_async") if one.startswith("gopay_async")} == {"gopay_async"}


@every_module
def test_every_exception_lives_in_errors(name: str) -> None:
    module = importlib.import_module(name)
    public = [one for one in exceptions_of(module) if module is not errors and not one.__name__.startswith("_")]
    strays = {f"{one.__module__}.{one.__qualname__}" for one in public}

    assert strays - set(PLUMBING) == set()


@pytest.mark.parametrize("kind", exceptions_of(errors), ids=lambda one: one.__name__)
def test_every_error_has_the_one_root(kind: type[BaseException]) -> None:
    assert issubclass(kind, GoPayError)


def test_the_tree_in_the_docstring_names_every_error() -> None:
    drawn = errors.__doc__ or ""

    assert [one.__name__ for one in exceptions_of(errors) if f" {one.__name__} " not in drawn.replace("\n", " ")] == []


def an(kind: type[BaseException]) -> BaseException:
    """Return an instance of *kind* with everything that it can carry."""
    table: dict[type[BaseException], tuple[Any, ...]] = {
        OutcomeUnknown: (TOP_UP, "1" * 32, "HTTP 504", RECEIVED, SENT_AT, QueryTransfer.of(TOP_UP, "1" * 32), SENT_AT),
        OperationError: (TOP_UP, "1" * 32, "HTTP 504", RECEIVED),
        WebhookError: ("bad_signature", "it fits no key"),
        InvalidInput: ("amount", "is too small"),
        GoPayError: ("a sentence",),
    }
    return kind(*next(arguments for base, arguments in table.items() if issubclass(kind, base)))


def content(error: BaseException) -> dict[str, Any]:
    kind: type[Any] = type(error)
    names = [one.name for one in attrs.fields(kind)] if attrs.has(kind) else []
    return {"text": str(error), "repr": repr(error), **vars(error), **{name: getattr(error, name) for name in names}}


@pytest.mark.parametrize("kind", exceptions_of(errors), ids=lambda one: one.__name__)
def test_an_error_survives_a_trip_to_another_process(kind: type[BaseException]) -> None:
    error = an(kind)

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), content(copy)) == (kind, content(error))
