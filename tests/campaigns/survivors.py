"""Mistakes that nobody can notice, because the code does the same with them, and why.  Knows only names."""

from typing import Final

#: (module, line of the right code, what) -> reason.
EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    (
        "plan",
        'return ""',
        "nothing returned",
    ): "whoever asks for a doubt or a difference looks at its truth alone",
}
