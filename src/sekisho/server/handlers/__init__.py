"""What answers a request that passed the chain: one file for resources, one for watches, one a family of paths."""
