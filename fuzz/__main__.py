"""`python -m fuzz -runs=10000000`: the coverage-guided fuzzer, with libFuzzer's own options."""

import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz.seeds import seeds, words


def main(options: list[str]) -> int:
    """Run the fuzzer over the seeds, and return its exit code; what it finds beside them is thrown away."""
    with tempfile.TemporaryDirectory(prefix="gopay-fuzz-") as folder:
        corpus, dictionary = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, one in enumerate(seeds()):
            (corpus / str(number)).write_bytes(one)
        dictionary.write_text("".join(f'"{_escaped(one)}"\n' for one in words()), encoding="ascii")
        command = [sys.executable, "-m", "fuzz.target", "-max_len=1200", f"-dict={dictionary}", *options, str(corpus)]
        return subprocess.run(command, check=False).returncode


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
