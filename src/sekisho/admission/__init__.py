"""What changes or refuses an object on its way in: one file per plugin, run in upstream's order."""
