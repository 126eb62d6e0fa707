"""What must not be shown, taken out of what is.  The simulator's own tokens are no secrets; everything else may be."""

from collections.abc import Callable, Iterator
from typing import Final

from .provider import Seen
from .simulator import Simulator

Veil = Callable[[str], str]
_PROOFS: Final = ("authorization", "authorization-customer")
_SECRETS: Final = ("client_secret", "server_key", "mini_app_credential")


def veil_of(simulator: Simulator, seen: Seen) -> Veil:
    """Return what hides the merchant's secrets, and tokens that are not the simulator's, in a text about *seen*."""
    hidden = dict(_hidden(simulator, seen))

    def veil(text: str) -> str:
        for secret, shown in hidden.items():
            text = text.replace(secret, shown)
        return text

    return veil


def _hidden(simulator: Simulator, seen: Seen) -> Iterator[tuple[str, str]]:
    books = simulator.books
    known = (books.tokens, books.people.users, books.people.links)
    for name, value in seen.request.headers.items():
        scheme, _, token = value.partition(" ")
        if (
            name.lower() in ("authorization", "authorization-customer")
            and token
            and not any(token in one for one in known)
        ):
            # A key of production, or another system's token, may have come here by mistake.
            yield token, _shortened(token) if scheme.lower() == "bearer" else _dots(token)
    for name in _SECRETS:
        secret = getattr(simulator.credentials, name)
        yield secret, _dots(secret)
    yield simulator.iris_key, _dots(simulator.iris_key)


def _shortened(token: str) -> str:
    return token if len(token) < 8 else f"{token[:4]}…({len(token)} characters)"


def _dots(secret: str) -> str:
    return f"•••({len(secret)} characters)"
