"""What libFuzzer plays: `python -m fuzz.target verifier` or `... objects`, with its own options.

`python -m fuzz` gives it seeds and words.
"""

import sys
from typing import Final

import atheris

with atheris.instrument_imports(  # pyright: ignore[reportAttributeAccessIssue]  # it has no types
    include=["gopay_async.webhooks", "gopay_async.wire", "gopay_async.models", "gopay_async.api", "fuzz.cases"]
):
    from fuzz.cases import play, play_object

_TARGETS: Final = {"verifier": play, "objects": play_object}

if __name__ == "__main__":
    program, name, *options = sys.argv
    atheris.Setup([program, *options], _TARGETS[name])
    atheris.Fuzz()
