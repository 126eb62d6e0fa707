"""Mistakes that nobody can notice, because the code does the same with them, and why.  Knows only names."""

from typing import Final

#: (module, line of the right code, what) -> reason.
EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    (
        "plan",
        'return ""',
        "nothing returned",
    ): "whoever asks for a doubt or a difference looks at its truth alone",
    (
        "outcomes",
        'return (code.status, code.case) if code else (0, "")',
        "1 for 0",
    ): "stands for no code, and is looked up among codes: none of them is (1, ...)",
    (
        "outcomes",
        'return (code.status, code.case) if code else (0, "")',
        "another text for ''",
    ): "as above",
}
