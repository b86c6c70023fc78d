"""Strategies of the built-in kinds that differ from the generic one: one file a kind or a family."""
