"""What every request passes through, one filter a file, in upstream's order (see `cluster.py` for the list)."""
