"""What kr8s' users write. Run by test_python_clients.py in a process of its own: kr8s leaves its connections to the
interpreter's end."""

from __future__ import annotations

import sys

import kr8s
from kr8s.objects import ConfigMap

kubeconfig, namespace = sys.argv[1:]
api = kr8s.api(kubeconfig=kubeconfig, namespace=namespace)
body = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "krates", "namespace": namespace},
    "data": {"k": "v"},
}
made = ConfigMap(body, api=api)
made.create()
for change, found in api.watch("configmaps", namespace=namespace, field_selector="metadata.name=krates"):
    print(change, found.name)
    break
print([m.name for m in api.get("configmaps", namespace=namespace) if m.name == "krates"])
made.delete()
print(made.exists())
