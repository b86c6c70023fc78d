"""Upstream's defaults, one file a family of kinds: functions that fill in a decoded object in place."""
