"""Identifiers that look like the provider's.  Knows no meaning of any; the same seed gives the same ones."""

import string
from random import Random

from attrs import define, field

_ALPHANUMERIC = (string.ascii_letters + string.digits).encode()
# Byte -> letter or digit. Some come up a little more often than others, which does not matter here; that it takes a
# tenth of the time of choosing each one does, for every payment has an id.
_LETTERS = bytes(_ALPHANUMERIC[byte % len(_ALPHANUMERIC)] for byte in range(256))


@define
class Ids:
    """A source of identifiers over an injected generator."""

    random: Random = field(factory=Random)

    def digits(self, length: int) -> str:
        """Return *length* digits."""
        return f"{self.random.randrange(10**length):0{length}d}"

    def text(self, length: int) -> str:
        """Return *length* letters and digits."""
        return self.random.randbytes(length).translate(_LETTERS).decode()

    def uuid(self) -> str:
        """Return text in the shape of a UUID."""
        hexadecimal = f"{self.random.getrandbits(128):032x}"
        return "-".join(hexadecimal[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
