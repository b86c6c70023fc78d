"""The reconcile loops, one file each; every loop is a client with the identity upstream gives it."""
