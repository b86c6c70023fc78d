"""The revisioned key-value store: its interface, SQLite and memory, and the watch cache that serves reads."""
