"""Verified bytes to the object that a handler gets.  Trusts them: whoever calls has verified."""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, Final

from .. import wire
from ..api import NOTIFICATIONS, Notification, QrisNotification, Unrecognised
from ..errors import InvalidInput, MalformedNotification, Unauthenticated, Unreadable

_Kinds = tuple[tuple[str, type[Notification]], ...]
# The pages print /v1.0/debit/notify and /1.0/debit/notify: what follows the version tells the kind.
_ENDINGS: Final[_Kinds] = tuple(
    (kind.endpoint.path.removeprefix("/v1.0"), kind) for kind in NOTIFICATIONS if kind.endpoint.path
)
# An unofficial list has a shorter spelling for QRIS.
_KINDS: Final[_Kinds] = (*_ENDINGS, ("/qr/notify", QrisNotification))


def kind_of(path: str) -> type[Notification] | None:
    """Return the kind that is signed for *path*, None where it is no page's."""
    return next((kind for ending, kind in _KINDS if path.endswith(ending)), None)


def read(body: bytes) -> dict[str, Any]:
    """Return the JSON object in *body*; raise MalformedNotification with the reason."""
    try:
        return wire.loads(body)
    except Unreadable as error:
        raise MalformedNotification(error.reason, f"the signed body is unreadable: {error}") from None


def build(kind: type[Notification] | None, raw: Mapping[str, Any], **local: Any) -> Notification:
    """Return *raw* as a *kind*, else as `Unrecognised`; *local* is what did not come in the body."""
    if kind is None:
        return Unrecognised(raw=raw, misfit="path", **local)
    try:
        return wire.structure(kind, raw, raw=raw, **local)
    except (wire.Misfit, InvalidInput) as misfit:
        return Unrecognised(raw=raw, misfit=str(misfit), **local)


def check_merchant(raw: Mapping[str, Any], merchant_id: str) -> None:
    """Raise Unauthenticated where the signed body names another merchant."""
    info = raw.get("additionalInfo")
    inner = info.get("merchantId") if isinstance(info, Mapping) else None
    for named in (raw.get("merchantId"), inner):
        if named is not None and not same(named, merchant_id):
            raise Unauthenticated("wrong_merchant", "merchantId of the signed body is not ours")


def same(value: object, expected: str) -> bool:
    """Whether *value* is the text *expected*, compared in constant time."""
    return isinstance(value, str) and compare_digest(value.encode("utf-8", "replace"), expected.encode())
