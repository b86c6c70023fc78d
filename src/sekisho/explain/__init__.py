"""Evidence made into sentences: why, near misses, who-can, diff, minimal role. Made when somebody looks."""
