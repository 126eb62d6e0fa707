"""Mutants that no test can tell from the right code, and why.  Knows only names."""

from typing import Final

#: (module, what) -> reason.
EXPLAINED: Final[dict[tuple[str, str], str]] = {
    ("verifier", "another text for ''"): "the default of `route`: without a slash it adds no candidate either",
}
