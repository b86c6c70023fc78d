"""Runs Pods: the node agent and one file per runtime."""
