"""Examples that work as they stand; each is run by a test."""
