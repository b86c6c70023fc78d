"""Types: built-in schemas, decoding, defaulting, validation, field sets and merge topology."""
