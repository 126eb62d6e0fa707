"""Why a message was refused, for the operator.  Tries what would have verified; decides nothing, raises nothing."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from attrs import frozen

from .. import signing
from ..api import NOTIFICATIONS
from ..errors import WebhookError
from . import headers as strict
from .headers import Headers
from .keyring import Keyring
from .matching import fits, forms, string_to_sign

#: What to do, by reason.
ADVICE: Final[Mapping[str, str]] = {
    "missing_header": "Does a proxy drop headers? X-TIMESTAMP and X-SIGNATURE (payouts: Iris-Signature) must arrive.",
    "duplicate_header": "A proxy adds a header that is there already: let it pass headers on unchanged.",
    "body_type": "Give the received bytes, before any JSON parser: `await request.body()`, not `await request.json()`.",
    "stale": "Is this clock right (NTP)? A message older than max_age is a replay, or a very late delivery.",
    "future": "This clock is behind: synchronise it (NTP).",
    "wrong_signature": "Compare the registered path and the key with the dashboard's; does a proxy rewrite the body?",
    "signature_length": "X-SIGNATURE was made with a key of another size: is the right public key configured?",
    "key_not_valid": "The key that signed is outside its validity: mend not_before or not_after, or remove the key.",
    "wrong_partner": "X-PARTNER-ID differs from partner_id: compare it with the value given to the provider.",
    "wrong_merchant": "The message is genuine, and for another merchant: who can post it here?",
    "wrong_source": "The address is not on the list: is the proxy in front of this server among the trusted ones?",
}


@frozen
class Candidate:
    """One combination that verifies."""

    path: str
    #: Whether the whitespace had to go.
    minified: bool
    key: str

    def __str__(self) -> str:
        return f"path {self.path}, body {'minified' if self.minified else 'as received'}, key {self.key}"


@frozen
class Explanation:
    """What an operator needs to know about one message; none of it belongs in a reply.

    No body and no signature stand in it, but the string to sign does, and the names of the keys.
    """

    #: Why it was refused; empty where it was accepted.
    reason: str
    detail: str = ""
    #: SHA-256 of the body as received and of its minified form, in hex.
    digest: str = ""
    digest_minified: str = ""
    #: What should have been signed, for the configured path and the minified body.
    string_to_sign: str = ""
    #: What would have verified.
    candidates: tuple[Candidate, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the message verifies as it is."""
        return not self.reason

    @property
    def advice(self) -> str:
        """What to do."""
        if self.accepted:
            return "Nothing: it verifies."
        if self.reason in ("wrong_signature", "signature_length") and self.candidates:
            return f"It verifies with {self.candidates[0]}: configure that."
        return ADVICE.get(self.reason, "The sender must mend the message; nothing here accepts it.")


def explained(
    error: WebhookError | None, *, headers: Headers, body: object, path: str, keys: Keyring, route: str = ""
) -> Explanation:
    """Return the facts about a message that was refused with *error*, None for one that was not."""
    reason, detail = (error.reason, error.detail) if error else ("", "")
    received = body if isinstance(body, bytes) else b""
    try:
        found = strict.select(headers)
        at = strict.required(found, strict.TIMESTAMP)
        signature = strict.signature(strict.required(found, strict.SIGNATURE))
    except WebhookError:
        return Explanation(reason, detail, sha256(received).hexdigest(), signing.digest(received))
    return Explanation(
        reason,
        detail,
        sha256(received).hexdigest(),
        signing.digest(received),
        string_to_sign=string_to_sign(path, signing.minify(received), at),
        candidates=tuple(_candidates(paths(path, route), received, at, signature, keys)),
    )


def paths(path: str, route: str = "") -> tuple[str, ...]:
    """Return what may have been signed: the configured path, the pages' ones in both spellings, the route's endings."""
    documented = [kind.endpoint.path for kind in NOTIFICATIONS if kind.endpoint.path]
    without_v = [one.replace("/v1.0/", "/1.0/", 1) for one in documented]
    steps = route.split("/")[1:17]
    endings = ["/" + "/".join(steps[start:]) for start in range(len(steps))]
    return tuple(dict.fromkeys([path, *documented, *without_v, *endings]))


def _candidates(tried: tuple[str, ...], body: bytes, at: str, signature: bytes, keys: Keyring) -> Iterator[Candidate]:
    for number, form in enumerate(forms(body)):
        for path in tried:
            text = string_to_sign(path, form, at).encode("utf-8", "replace")
            for one in keys:
                if fits(one.key, signature, text):
                    yield Candidate(path, bool(number), one.label)
