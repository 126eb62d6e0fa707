"""`python -m fuzz verifier -runs=10000000`: the coverage-guided fuzzer, with libFuzzer's own options.

Every input of `verifier` is one that a verifier is asked about; `objects` makes objects from any bytes, without waiting
for a signature of each.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from fuzz.seeds import object_seeds, seeds, words

_SEEDS: Final = {"verifier": seeds, "objects": object_seeds}


def main(name: str, options: list[str]) -> int:
    """Run the fuzzer over the seeds, and return its exit code; what it finds beside them is thrown away."""
    with tempfile.TemporaryDirectory(prefix="gopay-fuzz-") as folder:
        corpus, dictionary = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, one in enumerate(_SEEDS[name]()):
            (corpus / str(number)).write_bytes(one)
        dictionary.write_text("".join(f'"{_escaped(one)}"\n' for one in words()), encoding="ascii")
        command = [sys.executable, "-m", "fuzz.target", name, "-max_len=1200", f"-dict={dictionary}"]
        return subprocess.run([*command, *options, str(corpus)], check=False).returncode


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
