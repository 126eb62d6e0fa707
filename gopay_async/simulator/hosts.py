"""Which addresses are this machine.  Resolves no name."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether *host* is an address of the loopback interface, or its name."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
