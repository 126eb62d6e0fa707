"""The mini-app's payment sheet: the link that opens it and what its bridge calls back.  Proves no payment."""

import json
import re
from collections.abc import Mapping
from typing import Final, Self

from attrs import frozen

from .errors import InvalidInput

# Whitespace and control characters have no place in an address; a browser drops some and encodes others, we refuse.
# Plain HTTP is a simulator's, on this machine.
_HOST = r"(?:(?i:https)://[^\s\x00-\x1f\x7f\\/?#]+|(?i:http)://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?)"
_SCHEME_AND_PLACE = _HOST + r"(?:/[^\s\x00-\x1f\x7f?#]*)?"
_WEB_URL = re.compile(_SCHEME_AND_PLACE + r"(?:\?([^\s\x00-\x1f\x7f#]*))?(?:#.*)?")
_APP_LINK: Final = "gopay://merchanttransfer"


def launch_deeplink(web_redirect_url: str) -> str:
    """Return the link for the bridge's ``launchPayment``: the query of *web_redirect_url*, untouched.

    As in the provider's script, host, path and fragment do not matter (``new URL(url).search``).
    """
    found = _WEB_URL.fullmatch(web_redirect_url)
    if found is None:
        raise InvalidInput("web_redirect_url", "must be an absolute https URL, or http on loopback")
    if not found[1]:
        raise InvalidInput("web_redirect_url", "must have a query string, the payment stands in it")
    return f"{_APP_LINK}?{found[1]}"


@frozen(kw_only=True)
class LaunchResult:
    """What the payment sheet told the page: a hint for the next screen, never a proof of payment.

    It went through the customer's browser and can be forged there. The words mislead besides (mini-app page,
    "launchPayment"): ``failed`` is a customer who cancelled, ``pending`` an error while processing, ``cancelled``
    a customer who went back and may still have paid. Whether money moved is in the signed notification or in the
    answer of a status inquiry, nowhere else.
    """

    #: The flag ``success``: the bridge carried out the call. A payment can have failed all the same.
    bridge_succeeded: bool
    #: The word as received, also one that is not documented. None when the bridge failed.
    status: str | None = None
    error_code: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    #: The bridge's own verdict, such as ``GP_SUCCESS`` or ``GP_EXCEPTION``.
    ret: str | None = None

    @classmethod
    def parse(cls, callback: str | bytes | Mapping[str, object]) -> Self:
        """Read the object that either callback received, as JSON or already parsed."""
        wire = _object(callback)
        succeeded = wire.get("success")
        if not isinstance(succeeded, bool):
            raise InvalidInput("success", "must be true or false")
        result = cls(
            bridge_succeeded=succeeded,
            status=_text(_data(wire), "status"),
            error_code=_text(wire, "error_code"),
            error_type=_text(wire, "error_type"),
            error_message=_text(wire, "error_message"),
            ret=_text(wire, "ret"),
        )
        if succeeded and result.status is None:
            raise InvalidInput("status", "must be there when success is true")
        return result

    @property
    def is_known(self) -> bool:
        """Whether the status is one of the four documented words."""
        return self.status in ("success", "failed", "pending", "cancelled")

    @property
    def claims_success(self) -> bool:
        """Whether the page says that the customer paid; confirm it before anything is delivered."""
        return self.bridge_succeeded and self.status == "success"


def _object(callback: object) -> Mapping[str, object]:
    if isinstance(callback, str | bytes):
        callback = _json(callback)
    if not isinstance(callback, Mapping):
        raise InvalidInput("callback", "must be a JSON object")
    return callback


def _json(text: str | bytes) -> object:
    """Parse *text*, None when it is no JSON; a hostile page may nest until the parser gives up."""
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed


def _data(wire: Mapping[str, object]) -> Mapping[str, object]:
    data = wire.get("data")
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise InvalidInput("data", "must be an object")
    return data


def _text(wire: Mapping[str, object], name: str) -> str | None:
    value = wire.get(name)
    if value is None or isinstance(value, str):
        return value
    # The documented error code is text, "300"; one that comes as a number means the same.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput(name, "must be text")
