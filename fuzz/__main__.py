"""`python -m fuzz -runs=10000000`: the coverage-guided fuzzer, with libFuzzer's own options."""

import sys

import atheris

with atheris.instrument_imports(  # pyright: ignore[reportAttributeAccessIssue]  # it has no types
    include=["gopay_async.webhooks", "gopay_async.wire", "gopay_async.models", "fuzz.cases"]
):
    from fuzz.cases import play

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], "-max_len=600", *sys.argv[1:]], play)
    atheris.Fuzz()
