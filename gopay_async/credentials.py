"""Who the merchant is, and where the provider is.  Knows no request; secrets never print."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, ClassVar, Self
from urllib.parse import SplitResult, urlsplit

from attrs import Attribute, field, fields, frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from .errors import ConfigurationError, InvalidInput
from .keys import load_private_key
from .operation import Family


def _header_text(_: object, one: "Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidInput(one.name, f"must be text, not {type(value).__name__}")
    if not value or not value.isascii() or not value.isprintable() or value != value.strip():
        raise InvalidInput(one.name, "must be printable ASCII without spaces at the ends: it goes into a header")


def _given(_: object, one: "Attribute[Any]", value: object) -> None:
    if value is None:
        raise InvalidInput(one.name, "is required")


def _five_digits(_: object, one: "Attribute[Any]", value: str | None) -> None:
    if value is not None and not (len(value) == 5 and value.isascii() and value.isdigit()):
        raise InvalidInput(one.name, "must be exactly five digits")


def _load(source: Any) -> RSAPrivateKey | None:
    return None if source is None else load_private_key(source)


@frozen(kw_only=True)
class Credentials:
    """What the provider gave to the merchant.

    BI-SNAP calls need the first five, Core API calls *server_key*, the mini-app backend *mini_app_credential*; a group
    may be left out, and what is missing is named by the first `send` that needs it.  The private key is parsed once,
    here (28 ms).  Raises InvalidInput and InvalidKey.
    """

    client_id: str | None = field(default=None, validator=_header_text)
    client_secret: str | None = field(default=None, repr=False, validator=_header_text)
    #: PEM text or bytes in any of the shapes people keep in environment variables, or a loaded key.
    private_key: RSAPrivateKey | None = field(default=None, repr=False, converter=_load)
    partner_id: str | None = field(default=None, validator=_header_text)
    #: Exactly five digits.
    channel_id: str | None = field(default=None, validator=[_header_text, _five_digits])
    #: The MID, G and digits: deeplink payments, QRIS, notifications.
    merchant_id: str | None = field(default=None, validator=_header_text)
    #: The UUID of account linking, another one in each environment.
    payment_handle: str | None = field(default=None, validator=_header_text)
    #: Core API.
    server_key: str | None = field(default=None, repr=False, validator=_header_text)
    #: Sent by mail already encoded: it is not encoded again (quirk Q-MIN-9).
    mini_app_credential: str | None = field(default=None, repr=False, validator=_header_text)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the credentials in GOPAY_CLIENT_ID, GOPAY_CLIENT_SECRET, GOPAY_PRIVATE_KEY and so on.

        Raises ConfigurationError that names every missing variable at once.
        """
        environ = os.environ if environ is None else environ
        found = {one.name: environ.get(f"GOPAY_{one.name.upper()}", "").strip() or None for one in fields(cls)}
        missing = [name for name in SNAP if not found[name]]
        others = any(found[name] for name in ("server_key", "mini_app_credential"))
        if missing and (len(missing) < len(SNAP) or not others):
            names = ", ".join(f"GOPAY_{name.upper()}" for name in missing)
            raise ConfigurationError(f"Set these environment variables: {names}")
        return cls(**found)

    def require(self, names: tuple[str, ...], *, purpose: str) -> None:
        """Raise ConfigurationError that names every one of *names* that is not set."""
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise ConfigurationError(f"{purpose} needs Credentials({', '.join(f'{name}=...' for name in missing)})")


#: What every BI-SNAP call needs.
SNAP = ("client_id", "client_secret", "private_key", "partner_id", "channel_id")


@frozen
class Environment:
    """The hosts of one environment.  A family without a host is refused before any network (quirk Q-PTH-7)."""

    SANDBOX: ClassVar["Environment"]
    STAGING: ClassVar["Environment"]
    PRODUCTION: ClassVar["Environment"]

    name: str
    hosts: Mapping[Family, str] = field(repr=False, hash=False)

    @classmethod
    def at(cls, url: str) -> "Environment":
        """Return an environment with every family on *url*: a simulator, a proxy, a recording.

        Plain HTTP is refused except to loopback.  The address must not have a path, because the path is signed.
        """
        parts = _address(url)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise InvalidInput("url", "plain HTTP is allowed to loopback only: tokens and signatures would be readable")
        plain = re.fullmatch(r"[A-Za-z0-9.:\[\]_-]+", parts.netloc)
        if parts.path not in ("", "/") or parts.query or parts.fragment or not plain:
            raise InvalidInput("url", "must be scheme, host and port only: the path is part of what is signed")
        base = f"{parts.scheme}://{parts.netloc}"
        return cls(base, dict.fromkeys(Family, base))

    def base(self, family: Family) -> str:
        """Return scheme and host of *family*; raise ConfigurationError where this environment has none."""
        if family not in self.hosts:
            raise ConfigurationError(
                f"The provider has no {family.value} host in {self.name}: it exists in other environments only. "
                "Nothing was sent. Use Environment.at(url) with a simulator to try it out."
            )
        return self.hosts[family]


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise InvalidInput("url", "must be an http or https address, for example http://127.0.0.1:8080")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Environment.SANDBOX = Environment(
    "SANDBOX",
    {
        Family.SNAP: "https://merchants.sbx.midtrans.com",
        Family.APP: "https://merchants-app.sbx.midtrans.com",
        Family.CORE: "https://api.sandbox.midtrans.com",
    },
)
Environment.STAGING = Environment(
    "STAGING",
    {
        Family.SNAP: "https://merchants.stg.midtrans.com",
        Family.APP: "https://merchants-app.stg.midtrans.com",
    },
)
Environment.PRODUCTION = Environment(
    "PRODUCTION",
    {
        Family.SNAP: "https://merchants.midtrans.com",
        Family.APP: "https://merchants-app.midtrans.com",
        Family.CORE: "https://api.midtrans.com",
        Family.MINI_APP: "https://public-mini-app-merchants.gopayapi.com",
    },
)


@frozen
class Customer:
    """A linked customer, or a mini-app user: the headers that go with every call made for them."""

    #: Customer token of account linking, or the mini-app user's auth_token.
    token: str = field(repr=False, validator=[_given, _header_text])
    device_id: str | None = field(default=None, repr=False, kw_only=True, validator=_header_text)
    ip_address: str | None = field(default=None, repr=False, kw_only=True, validator=_header_text)
    latitude: str | None = field(default=None, repr=False, kw_only=True, validator=_header_text)
    longitude: str | None = field(default=None, repr=False, kw_only=True, validator=_header_text)
