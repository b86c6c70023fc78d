"""A Kubernetes API server and control plane whose heart is identity."""

__version__ = "0.1.0"
