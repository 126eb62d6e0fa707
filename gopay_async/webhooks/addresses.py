"""Where notifications come from, and who really sent a request.  The signature decides, never the address."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from ..errors import ConfigurationError, Unauthenticated

Address = IPv4Address | IPv6Address

#: As published with the payment notification, each a single host (docs.midtrans.com).
SANDBOX: Final = (
    "34.142.147.133",
    "34.142.169.131",
    "34.142.231.22",
    "35.240.161.215",
    "34.142.227.232",
    "34.124.184.175",
    "35.197.130.2",
    "34.142.233.114",
    "8.215.26.211",
    "8.215.22.135",
    "8.215.93.92",
    "8.215.93.214",
    "8.215.93.76",
    "8.215.33.37",
    "8.215.26.148",
    "8.215.194.225",
    "8.215.12.199",
    "149.129.255.111",
)
STAGING: Final = (
    "3.1.141.98",
    "52.76.190.190",
    "13.251.192.204",
    "8.215.39.156",
    "8.215.77.79",
    "147.139.213.119",
    "8.215.56.11",
    "8.215.39.87",
    "8.215.42.0",
    "8.215.59.158",
    "149.129.222.246",
    "8.215.26.108",
    "8.215.13.84",
)
PRODUCTION: Final = (
    "13.228.166.126",
    "52.220.80.5",
    "3.1.123.95",
    "8.215.30.222",
    "147.139.209.49",
    "8.215.32.142",
    "147.139.163.77",
    "8.215.25.24",
    "8.215.3.193",
    "147.139.210.20",
    "149.129.238.95",
    "8.215.9.206",
    "147.139.134.22",
)
#: By the name of the environment.
PUBLISHED: Final[Mapping[str, tuple[str, ...]]] = {
    "sandbox": SANDBOX,
    "staging": STAGING,
    "production": PRODUCTION,
}


class SourceCheck:
    """Lets only listed addresses post notifications: one more fence before the signature, never instead of it.

    *environment* chooses a published list, *also* adds networks to it.  *trusted_proxies* are the networks of the
    proxies in front of this server; without one, X-Forwarded-For is not looked at.  The provider's list changes now and
    then, and who is not on it is refused: watch the log.  Raises ConfigurationError for what is no network.
    """

    def __init__(self, environment: str = "", *, also: Iterable[str] = (), trusted_proxies: Iterable[str] = ()) -> None:
        if environment and environment.lower() not in PUBLISHED:
            raise ConfigurationError(f"there is no list for {environment!r}; there are: {', '.join(PUBLISHED)}")
        listed = [*(PUBLISHED[environment.lower()] if environment else ()), *also]
        if not listed:
            raise ConfigurationError("a source check without an address would refuse everything")
        self._listed = _networks(listed)
        self._proxies = _networks(trusted_proxies)

    def check(self, scope: Mapping[str, Any]) -> None:
        """Raise Unauthenticated unless the request of this ASGI *scope* comes from a listed address."""
        found = self.source(scope)
        if found is None or not any(found in one for one in self._listed):
            shown = found or "an address that cannot be read"
            raise Unauthenticated("wrong_source", f"{shown} is not among the listed addresses")

    def source(self, scope: Mapping[str, Any]) -> Address | None:
        """Return who sent the request: the first address from the right that is no trusted proxy."""
        client = scope.get("client")
        peer = _address(client[0]) if client else None
        if peer is None or not self._is_proxy(peer):
            return peer
        for text in reversed(_forwarded(scope)):
            found = _address(text)
            if found is None or not self._is_proxy(found):
                # What lies further left was written by whoever it is, and proves nothing.
                return found
        return peer

    def _is_proxy(self, address: Address) -> bool:
        return any(address in one for one in self._proxies)


def _forwarded(scope: Mapping[str, Any]) -> list[str]:
    lines = [bytes(value).decode("latin-1") for name, value in scope["headers"] if bytes(name) == b"x-forwarded-for"]
    return ",".join(lines).split(",") if lines else []


def _address(text: str) -> Address | None:
    try:
        found = ip_address(_bare(text.strip()))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _bare(text: str) -> str:
    """Return the address without the port that some proxies add."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _networks(texts: Iterable[str]) -> tuple[Any, ...]:
    if isinstance(texts, str):
        raise ConfigurationError("give a list of networks, not one text")
    try:
        return tuple(ip_network(one) for one in texts)
    except ValueError as error:
        raise ConfigurationError(f"not a network: {error}") from None
