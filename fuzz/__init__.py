"""Coverage-guided fuzzing of what reads strangers' bytes, and the mutation of what must not be wrong."""
