"""Which addresses are this machine, and by which names a server on it may be asked.  Resolves no name."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from attrs import field, frozen
from yarl import URL

from ..errors import ConfigurationError

_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether *host* is an address of the loopback interface, or its name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def nearby(host: str) -> str:
    """Return where this machine reaches a server that listens on *host*: of one on every address, loopback."""
    if not _is_address(host) or not ip_address(host).is_unspecified:
        return host
    return "::1" if ":" in host else "127.0.0.1"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _host_of(authority: str) -> str:
    """Return the host of a Host header in lower case, without port and brackets; empty when it has none."""
    try:
        return URL(f"http://{authority}").host or ""
    except ValueError:
        return ""


def _names(given: Iterable[str]) -> frozenset[str]:
    names = frozenset(one.lower() for one in given)
    for one in names:
        if not _NAME.fullmatch(one) and not _is_address(one):
            raise ConfigurationError(f"{one!r} is not the name of a host: no scheme, no port, for example shop.test")
    return names


@frozen
class Doorman:
    """Decides which Host headers a server is meant by.

    Whoever owns a name can let it lead to this machine, and a browser then takes his pages for ours (DNS rebinding).
    So loopback is meant, the address that is served, any other address once the server left loopback, for an address
    is nobody's to point elsewhere, and of names those *allowed*.  Raises ConfigurationError for what is no name.
    """

    #: The address that is listened on.
    bound: str
    allowed: frozenset[str] = field(converter=_names)

    def admits(self, authority: str) -> bool:
        """Whether a request with the Host header *authority* is meant for this server."""
        host = _host_of(authority)
        if is_loopback(host) or host in self.allowed:
            return True
        return not is_loopback(self.bound) and (host == self.bound.lower() or _is_address(host))
