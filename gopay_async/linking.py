"""The customer's way to an auth code: the address to send them to, and their return (service 10).

Sends nothing: the customer's browser does.  Source: docs.midtrans.com/reference/get-auth-code-api.
"""

import hmac
from typing import Annotated, Final, Self
from urllib.parse import quote, unquote

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from . import signing, wire
from .credentials import Credentials, Environment
from .errors import InvalidInput
from .fields import PRIVATE, Name, OneOf, Text, message
from .operation import Family

AUTH_CODE_PATH: Final = "/v1.0/get-auth-code"
#: What each field says when it worked.
_SUCCESS: Final = {"result": "success", "success": "true"}


@message
class _Seamless:
    """Whom the address is made for."""

    mobile_number: Annotated[
        str, Text(20, r"[1-9]\d+", "digits with country code and without plus (62812...)"), PRIVATE
    ]
    payment_type: str = "gopay"


@message
class _Redirect:
    """The checked parameters of the address."""

    state: Annotated[str, Text(32, r"[A-Za-z0-9._~-]+", "letters, digits and . _ ~ -"), PRIVATE]
    payment_handle: Annotated[str, Text(64), Name("merchantId")]
    lang: Annotated[str, OneOf(("en", "id"))]
    scopes: Annotated[str, Text(256)]
    # The table says redirectURL; redirectUrl is the working sample's spelling (quirk Q-FLD-24).
    redirect_url: Annotated[str, Text(256, r"[!-~]+", "visible ASCII characters")]


def authorization_url(
    credentials: Credentials,
    environment: Environment,
    *,
    state: str,
    redirect_url: str,
    mobile_number: str,
    lang: str = "id",
    scopes: str = "DEFAULT",
) -> str:
    """Return the address at which a customer links an account: redirect the browser there, log it nowhere.

    *state* ties the return to this customer's browser: make it with `secrets.token_urlsafe(24)` (32 characters), keep
    it in their session, and give it to `AuthorizationReturn.parse`.  *redirect_url* must be on the provider's list.
    *mobile_number* has its country code and no plus.

    Raises InvalidInput, and ConfigurationError for credentials that are missing.
    """
    credentials.require(("private_key", "payment_handle"), purpose="authorization_url")
    assert credentials.private_key is not None  # `require` has named it otherwise
    data, signature = seamless(credentials.private_key, mobile_number=mobile_number)
    handle = str(credentials.payment_handle)
    checked = _Redirect(state=state, redirect_url=redirect_url, lang=lang, scopes=scopes, payment_handle=handle)
    plain = (f"{name}={quote(value, safe='')}" for name, value in wire.unstructure(checked).items())
    query = "&".join((*plain, f"seamlessData={data}", f"seamlessSign={signature}"))
    return f"{environment.base(Family.APP)}{AUTH_CODE_PATH}?{query}"


def seamless(private_key: RSAPrivateKey, *, mobile_number: str) -> tuple[str, str]:
    """Return `seamlessData` and `seamlessSign` as they stand in the address: do not encode them again.

    What is signed is the data in its encoded form (quirk Q-SIG-7).  Raises InvalidInput.
    """
    pairs = wire.unstructure(_Seamless(mobile_number=mobile_number))
    data = quote("&".join(f"{name}={value}" for name, value in pairs.items()), safe="")
    return data, quote(signing.sign_rsa(data, private_key), safe="")


@frozen(kw_only=True)
class AuthorizationReturn:
    """How a customer came back.  The words went through the browser: only *succeeded* was checked against the state."""

    succeeded: bool
    #: For `BindAccount`; None unless it succeeded, also where the provider sends one with a failure.
    auth_code: str | None = field(default=None, repr=False)
    #: success, abort, failure; true or false in the web view; as sent.
    result: str = ""
    error_code: str | None = None
    error_description: str | None = None

    @classmethod
    def parse(cls, returned: str, *, state: str) -> Self:
        """Read the query, or the whole address, with which the customer came back.

        *state* is the one that was given to `authorization_url`.  Raises InvalidInput when the return carries another,
        or claims success without the state or without a code: drop it, somebody else may have sent it.
        """
        query = _query(returned)
        _check_state(query, state)
        words = {name: query[name] for name in _SUCCESS if query.get(name)}
        succeeded = bool(words) and all(word.lower() == _SUCCESS[name] for name, word in words.items())
        if succeeded and (not query.get("state") or _code(query) is None):
            raise InvalidInput("returned", "says success without state or authCode")
        return cls(
            succeeded=succeeded,
            auth_code=_code(query) if succeeded else None,
            result=next(iter(words.values()), ""),
            error_code=_first(query, "errorCode", "errCode", "responseCode"),
            error_description=_first(query, "errorDesc", "errDesc", "responseMessage"),
        )


def _query(returned: str) -> dict[str, str]:
    if not isinstance(returned, str):
        raise InvalidInput("returned", "must be text: the query, or the whole address")
    before, mark, query = returned.partition("#")[0].partition("?")
    # A plus stays a plus: codes may hold one, and no page says that it would mean a space.
    parts = [part.partition("=") for part in (query if mark else before).split("&") if part]
    found = {unquote(name): unquote(value) for name, _, value in parts}
    if len(found) != len(parts):
        raise InvalidInput("returned", "holds a parameter twice")
    return found


def _check_state(query: dict[str, str], state: str) -> None:
    if not isinstance(state, str) or not state:
        raise InvalidInput("state", "must be the one that was given to authorization_url")
    # A failure in the web view comes without a state, and may: nothing follows from it.
    sent = query.get("state") or state
    if not hmac.compare_digest(sent.encode(errors="surrogatepass"), state.encode(errors="surrogatepass")):
        raise InvalidInput("state", "is not the one this customer was sent away with")


def _code(query: dict[str, str]) -> str | None:
    code = query.get("authCode")
    # A missing code is sent as the text null (quirk Q-FLD-24).
    return code if code and code != "null" else None


def _first(query: dict[str, str], *names: str) -> str | None:
    return next((query[name] for name in names if query.get(name)), None)
