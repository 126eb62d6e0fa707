"""What libFuzzer plays: `python -m fuzz.target` with its own options.  `python -m fuzz` gives it seeds and words."""

import sys

import atheris

with atheris.instrument_imports(  # pyright: ignore[reportAttributeAccessIssue]  # it has no types
    include=["gopay_async.webhooks", "gopay_async.wire", "gopay_async.models", "gopay_async.api", "fuzz.cases"]
):
    from fuzz.cases import play

if __name__ == "__main__":
    atheris.Setup(sys.argv, play)
    atheris.Fuzz()
