"""Upstream's validation of the built-in kinds: pure functions from objects to field errors."""
