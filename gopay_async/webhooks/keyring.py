"""The keys that a receiver trusts, named and dated, changed while it runs.  Knows no message and no clock."""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ..errors import ConfigurationError
from ..keys import load_public_key

KeySource = str | bytes | os.PathLike[str] | RSAPublicKey


@frozen
class TrustedKey:
    """A public key of the provider, with the label under which a notification says that it matched.

    *not_before* and *not_after* (aware) bound the signed X-TIMESTAMP, so that what was signed in time and repeated
    later still verifies.  Raises InvalidKey and ConfigurationError when it is made of something else.
    """

    label: str
    key: RSAPublicKey = field(converter=load_public_key, repr=False)
    not_before: datetime | None = None
    not_after: datetime | None = None

    def __attrs_post_init__(self) -> None:
        for bound in (self.not_before, self.not_after):
            if bound is not None and bound.utcoffset() is None:
                raise ConfigurationError(f"key {self.label}: a validity needs times with a zone")
        if self.not_before and self.not_after and self.not_after < self.not_before:
            raise ConfigurationError(f"key {self.label}: not_after lies before not_before")

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether a message signed at *moment* may be trusted because of this key; both bounds are included."""
        early = self.not_before is not None and moment < self.not_before
        late = self.not_after is not None and moment > self.not_after
        return not (early or late)


Keys = KeySource | TrustedKey | Iterable[KeySource | TrustedKey] | Mapping[str, KeySource]


class Keyring:
    """Trusted keys in the order in which they are tried; may be shared by several verifiers.

    *keys* is one key or several, or a mapping from label to key; those without a label are called key-1, key-2, ...
    Every change replaces the whole tuple at once, so a verification under way sees the old keys or the new ones.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys: tuple[TrustedKey, ...] = ()
        self._set(_labelled(keys))

    def __iter__(self) -> Iterator[TrustedKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<Keyring {', '.join(self.labels)}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the keys, in order."""
        return tuple(one.label for one in self._keys)

    def add(
        self, label: str, key: KeySource, *, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> None:
        """Trust *key* from now on; raise InvalidKey, or ConfigurationError where *label* is taken."""
        self._set((*self._keys, TrustedKey(label, key, not_before, not_after)))

    def remove(self, label: str) -> None:
        """Trust the key no longer; raise ConfigurationError where there is none of this name, or no other left."""
        if label not in self.labels:
            raise ConfigurationError(f"there is no key {label}; there are: {', '.join(self.labels)}")
        self._set(tuple(one for one in self._keys if one.label != label))

    def replace(self, keys: Keys) -> None:
        """Trust *keys* and no others, all at once."""
        self._set(_labelled(keys))

    def _set(self, keys: tuple[TrustedKey, ...]) -> None:
        if not keys:
            raise ConfigurationError("a verifier without a public key would refuse everything: give at least one")
        labels = {one.label for one in keys}
        if len(labels) != len(keys):
            raise ConfigurationError("two keys have the same label: the result must name the key that matched")
        self._keys = keys


def _labelled(keys: Keys) -> tuple[TrustedKey, ...]:
    if isinstance(keys, Mapping):
        return tuple(TrustedKey(str(label), one) for label, one in keys.items())
    several = [keys] if isinstance(keys, str | bytes | os.PathLike | RSAPublicKey | TrustedKey) else list(keys)
    return tuple(
        one if isinstance(one, TrustedKey) else TrustedKey(f"key-{number}", one)
        for number, one in enumerate(several, 1)
    )
