"""Write reference/operations.md from the table of operations, or check that it is up to date.

python docs/build_reference.py            write it
python docs/build_reference.py --check    fail when it is stale
python docs/build_reference.py --lines    print the lines of library code per operation
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from gopay_async import api, linking
from gopay_async.operation import Auth, Need, Operation, Retry

PAGE = Path(__file__).parent / "reference" / "operations.md"
#: They hold no operation.
NO_FAMILIES = ("__init__.py", "notifications.py")
HOW_OFTEN = {
    Retry.RESEND: "read: again, fresh id",
    Retry.SAME_ID: "same id, same bytes, twice at most",
    Retry.INQUIRE: "never: inquire",
    Retry.NEVER: "never: a new try is yours",
}
PROOF = {
    Auth.CLIENT_KEY: "client id, RSA",
    Auth.ACCESS_TOKEN: "token, HMAC",
    Auth.SERVER_KEY: "server key",
    Auth.MINI_APP: "mini-app credential",
    Auth.USER_TOKEN: "user token",
}
CUSTOMER = {Need.NEVER: "", Need.OPTIONAL: ", customer or account id", Need.REQUIRED: ", customer"}

INTRODUCTION = """\
# Operations

Made by `docs/build_reference.py` from `gopay_async.api.OPERATIONS` and `NOTIFICATIONS`: change those, not this page.

*Service* is the middle of the response code. *Auth* is what `send` proves the call with; where it says customer, pass
`customer=Customer(...)`, which is the linked customer or, with a user token, the mini-app user. *Retry* is what `send`
does by itself while the outcome is unknown. *Inquiry* is what `OutcomeUnknown.inquiry` holds; for a top-up
`GoPaySession(top_up_inquiry=QueryTopUp)` chooses the other contract.
"""


def render() -> str:
    """Return the page."""
    return "\n".join((INTRODUCTION, *_operations(), "", *_redirect(), "", *_notifications(), ""))


def _operations() -> Iterator[str]:
    yield from _table_head("Operation", "Method", "Path", "Service", "Auth", "Retry", "Inquiry", "Source")
    for operation in api.OPERATIONS:
        yield _row(_cells(operation))


def _cells(operation: type[Operation[Any]]) -> tuple[str, ...]:
    endpoint = operation.endpoint
    variant = f" ({endpoint.variant})" if endpoint.variant else ""
    inquiry = inquiry_of(operation)
    return (
        f"`{operation.__name__}`{variant}",
        endpoint.method,
        f"`{endpoint.path}`",
        endpoint.service or "none",
        PROOF[endpoint.auth] + CUSTOMER[endpoint.customer],
        HOW_OFTEN[endpoint.retry],
        f"`{inquiry.__name__}`" if inquiry else "none",
        _link(endpoint.source),
    )


def inquiry_of(operation: type[Operation[Any]]) -> type[Operation[Any]] | None:
    """Return the type of inquiry that settles *operation*: what its method is declared to return."""
    promised = get_type_hints(operation.inquiry)["return"]
    return None if type(None) in get_args(promised) else promised


def _redirect() -> Iterator[str]:
    yield "## Account linking"
    yield ""
    yield "The auth code is not fetched by a call: `linking.authorization_url` makes the address"
    yield f"(GET `{linking.AUTH_CODE_PATH}`, service 10) to which the customer's browser is redirected, and"
    yield "`linking.AuthorizationReturn.parse` reads how they come back."


def _notifications() -> Iterator[str]:
    yield "## Notifications"
    yield ""
    yield from _table_head("Notification", "Path", "Service", "Acknowledged with", "Source")
    for kind in api.NOTIFICATIONS:
        endpoint = kind.endpoint
        path = f"`{endpoint.path}`" if endpoint.path else "the address you gave"
        accepted = f"`{endpoint.accepted}`" if endpoint.accepted else "HTTP 200"
        yield _row((f"`{kind.__name__}`", path, endpoint.service or "none", accepted, _link(endpoint.source)))


def _table_head(*names: str) -> Iterator[str]:
    yield _row(names)
    yield _row("---" for _ in names)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _link(source: str) -> str:
    return f"[{source.rpartition('/')[2]}](https://{source})"


def lines_per_operation() -> float:
    """Return the lines of code per operation: request and answer with all their fields, and what they inherit.

    Docstrings, comments and blank lines are no code; values such as `Promotion`, imports and helpers are shared.
    """
    declared = {one for operation in api.OPERATIONS for one in (*operation.__mro__, *operation.answer.__mro__)}
    ours = (one for one in declared if one.__module__.startswith(f"{api.__name__}."))
    return sum(_lines_of_code(inspect.getsource(one)) for one in ours) / len(api.OPERATIONS)


def lines_in_all() -> float:
    """Return the same with every line of the package `api` that is code, except notifications and lists of names."""
    files = [one for one in Path(api.__file__).parent.glob("*.py") if one.name not in NO_FAMILIES]
    return sum(_lines_of_code(one.read_text(encoding="utf-8")) for one in files) / len(api.OPERATIONS)


def _lines_of_code(text: str) -> int:
    docstrings = {line for node in ast.walk(ast.parse(text)) for line in _docstring(node)}
    lines = enumerate((line.strip() for line in text.splitlines()), 1)
    return sum(1 for number, line in lines if line and not line.startswith("#") and number not in docstrings)


def _docstring(node: ast.AST) -> range:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return range(0)
    first = node.body[0] if node.body else None
    if not (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    ):
        return range(0)
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


def main(arguments: list[str]) -> int:
    """Do what *arguments* say and return the exit code."""
    if "--lines" in arguments:
        each = f"{lines_per_operation():.1f} lines of code each, {lines_in_all():.1f} with values, imports and helpers"
        sys.stdout.write(f"{len(api.OPERATIONS)} operations, {each}\n")
        return 0
    if "--check" in arguments:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != render()
        sys.stdout.write(f"{PAGE.name} is {'stale: run python docs/build_reference.py' if stale else 'up to date'}\n")
        return int(stale)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
