"""What became of a request, in a few words for people.  Decides nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import wire
from ..errors import Unreadable
from .provider import Seen
from .simulator import Simulator
from .veil import veil_of


def code_of(seen: Seen) -> str:
    """Return the code that the answer to *seen* carries, empty where it has none."""
    body = _body(seen)
    error = body.get("error")
    inner = error.get("code") if isinstance(error, Mapping) else None
    return str(body.get("responseCode") or body.get("status_code") or inner or "")


def is_done(seen: Seen) -> bool:
    """Whether what *seen* asks for was done, as far as its answer tells."""
    # The Core API puts the refusal into the body and says HTTP 200.
    return seen.status is not None and seen.status < 300 and str(_body(seen).get("status_code", "2")).startswith("2")


def why(simulator: Simulator, seen: Seen) -> str:
    """Return why *seen* was refused: the gate's words in full, or else the answer's; empty where it was not."""
    finding = seen.report.fault if seen.report else None
    if finding is not None:
        return veil_of(simulator, seen)(finding.text)
    if is_done(seen):
        return ""
    body = _body(seen)
    said = next((found for find in _SAID if (found := find(body))), "")
    return veil_of(simulator, seen)(", ".join(said) if isinstance(said, list) else str(said))


def _body(seen: Seen) -> dict[str, Any]:
    try:
        return wire.loads(seen.response.body) if seen.response else {}
    except Unreadable:
        return {}


_SAID: Final[tuple[Callable[[dict[str, Any]], Any], ...]] = (
    lambda body: body.get("validation_messages"),
    lambda body: body.get("error_messages"),
    lambda body: body.get("responseMessage"),
    lambda body: body.get("status_message"),
    lambda body: body["error"].get("description") if isinstance(body.get("error"), Mapping) else None,
)
