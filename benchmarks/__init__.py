"""Claims about speed, each compared with its limit in the same run: `python -m benchmarks`.  Ships with no wheel."""
