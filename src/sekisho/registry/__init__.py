"""A resource is its type, its strategy and the store: create, get, list, watch, update, patch, delete."""
