"""Who is calling: one file per mechanism, and the union that tries them in upstream's order."""
