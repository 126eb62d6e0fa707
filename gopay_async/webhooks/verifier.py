"""A received notification to a typed, verified one; synchronous.  Knows no server, no handler and no store."""

from datetime import datetime, timedelta
from typing import Protocol

from ..api import Notification
from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, Unauthenticated, WebhookError
from . import headers as strict
from .explanation import Explanation, explained
from .headers import Headers
from .keyring import Keyring, Keys, TrustedKey
from .matching import fits, forms, string_to_sign
from .typed import build, check_merchant, kind_of, read, same


class Verifier(Protocol):
    """What a receiver asks who may be believed."""

    @property
    def path(self) -> str:
        """The path that is signed, or under which the notification arrives."""
        ...

    @property
    def kind(self) -> type[Notification] | None:
        """What it makes of a verified body; None for a path of no known kind."""
        ...

    @property
    def service(self) -> str:
        """Two digits for the replies."""
        ...

    @property
    def window(self) -> timedelta | None:
        """How long a verified message can be delivered again; None for ever."""
        ...

    def verify(
        self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None
    ) -> Notification:
        """Return the typed notification; raise WebhookError and nothing else."""
        ...

    def explain(
        self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None, route: str = ""
    ) -> Explanation:
        """Return what an operator needs to know about a message; raise nothing."""
        ...


class NotificationVerifier:
    """Verifies notifications that the provider signed for one path.

    *public_keys* is one key or several, in any shape `load_public_key` takes, a mapping from label to key,
    several `TrustedKey` with their validity, or a `Keyring`, which other verifiers may share; `keys` changes them while
    it runs.
    *path* is the path that the provider signs: configured, never taken from the request.  *tolerance* bounds how far a
    timestamp may lie in the future, *max_age* how far in the past (the provider repeats for hours).  With *partner_id*,
    X-PARTNER-ID must equal it; with *merchant_id*, so must `merchantId` of the signed body where it is present:
    X-PARTNER-ID is not signed, and neither is the host.

    Raises ConfigurationError and InvalidKey when it is made without a usable key.
    """

    def __init__(
        self,
        public_keys: Keys | Keyring,
        *,
        path: str = "/v1.0/debit/notify",
        partner_id: str | None = None,
        merchant_id: str | None = None,
        tolerance: timedelta = timedelta(minutes=5),
        max_age: timedelta = timedelta(hours=6),
        clock: Clock | None = None,
    ) -> None:
        self.keys = public_keys if isinstance(public_keys, Keyring) else Keyring(public_keys)
        if not path.startswith("/"):
            raise ConfigurationError("path must begin with /: it is the path that the provider signs")
        if tolerance < timedelta(0) or max_age <= timedelta(0):
            raise ConfigurationError("tolerance must not be negative, and max_age must be above zero")
        self.path = path
        self.kind = kind_of(path)
        self._partner_id = partner_id
        self._merchant_id = merchant_id
        self.tolerance = tolerance
        self.max_age = max_age
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        return f"<NotificationVerifier {self.path} keys: {', '.join(self.keys.labels)}>"

    @property
    def service(self) -> str:
        """The service digits of the replies; 56 for a path of no known kind."""
        return (self.kind and self.kind.endpoint.service) or "56"

    @property
    def window(self) -> timedelta:
        """How long one message can be accepted: a store must remember it for so long."""
        return self.max_age + self.tolerance

    def verify(
        self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None
    ) -> Notification:
        """Return the typed notification, built from exactly the bytes that verified.

        A verified body that does not fit its model comes back as `Unrecognised`.  Raises WebhookError (MissingHeader,
        MalformedNotification, Unauthenticated) and nothing else, whatever arrives.
        """
        received = strict.checked_body(body, method)
        found = strict.select(headers)
        at = strict.required(found, strict.TIMESTAMP)
        signature = strict.required(found, strict.SIGNATURE)
        moment = strict.moment(at)
        self._check_freshness(moment, now or self._clock.now())
        key, verified = self._check_signature(received, at, moment, strict.signature(signature))
        partner_id = found.get(strict.PARTNER, "")
        if self._partner_id is not None and not same(partner_id, self._partner_id):
            raise Unauthenticated("wrong_partner", "X-PARTNER-ID is not ours")
        raw = read(verified)
        if self._merchant_id is not None:
            check_merchant(raw, self._merchant_id)
        return build(
            self.kind,
            raw,
            body=verified,
            external_id=found.get(strict.EXTERNAL, ""),
            partner_id=partner_id,
            timestamp=moment,
            path=self.path,
            key=key,
        )

    def explain(
        self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None, route: str = ""
    ) -> Explanation:
        """Return why a message is refused, and which path, form and key would have verified it; raise nothing.

        *route* is the path it came in by: one more candidate.  For the operator, never for the reply.
        """
        refusal: WebhookError | None = None
        try:
            self.verify(headers=headers, body=body, method=method, now=now)
        except WebhookError as error:
            refusal = error
        return explained(refusal, headers=headers, body=body, path=self.path, keys=self.keys, route=route)

    def _check_freshness(self, moment: datetime, now: datetime) -> None:
        age = now - moment
        if age > self.max_age:
            raise Unauthenticated("stale", f"X-TIMESTAMP is {age.total_seconds():.0f} s old; max_age is {self.max_age}")
        if -age > self.tolerance:
            raise Unauthenticated("future", f"X-TIMESTAMP is {-age.total_seconds():.0f} s ahead of this clock")

    def _check_signature(self, body: bytes, at: str, moment: datetime, signature: bytes) -> tuple[str, bytes]:
        """Return the label of the key that fits and the form of the body that verified."""
        keys = tuple(self.keys)
        trusted = [one for one in keys if one.is_valid_at(moment)]
        for form in forms(body):
            text = string_to_sign(self.path, form, at).encode()
            for one in trusted:
                if fits(one.key, signature, text):
                    return one.label, form
        raise self._unsigned(body, at, signature, tuple(one for one in keys if one not in trusted), keys)

    def _unsigned(
        self, body: bytes, at: str, signature: bytes, others: tuple[TrustedKey, ...], keys: tuple[TrustedKey, ...]
    ) -> Unauthenticated:
        """Return the reason why no trusted key fits; *others* are those outside their validity."""
        for form in forms(body):
            text = string_to_sign(self.path, form, at).encode()
            for one in others:
                if fits(one.key, signature, text):
                    return Unauthenticated("key_not_valid", f"key {one.label} was not valid at X-TIMESTAMP")
        if len(signature) not in {one.key.key_size // 8 for one in keys}:
            return Unauthenticated("signature_length", f"X-SIGNATURE has {len(signature)} bytes; no key makes it")
        return Unauthenticated("wrong_signature", f"X-SIGNATURE fits no trusted key for the signed path {self.path}")
