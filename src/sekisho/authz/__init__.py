"""May they: one file per authorizer, their union, and the RBAC index."""
