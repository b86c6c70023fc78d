"""Defaults of containers of all three sorts."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.defaults.probe import PROBES, set_defaults_lifecycle, set_defaults_probe
from sekisho.schema.defaults.resources import round_resources
from sekisho.schema.imagename import image_tag


def set_defaults_container(container: Object) -> None:
    """Pull policy by the image's tag, termination message, ports, environment, resources, probes."""
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = default_pull_policy(container.get("image", ""))
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if source:
            _set_defaults_env_source(source)
    round_resources(container.setdefault("resources", {}))
    for name in PROBES:
        probe = container.get(name)
        if probe is not None:
            set_defaults_probe(probe)
    lifecycle = container.get("lifecycle")
    if lifecycle:
        set_defaults_lifecycle(lifecycle)


def default_pull_policy(image: str) -> str:
    return "Always" if image_tag(image) == "latest" else "IfNotPresent"


def set_defaults_field_ref(source: Object) -> None:
    """The version of a `fieldRef`, in the environment as well as in a volume."""
    reference = source.get("fieldRef")
    if reference is not None and not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def _set_defaults_env_source(source: Object) -> None:
    set_defaults_field_ref(source)
    file_key = source.get("fileKeyRef")
    if file_key is not None:
        file_key.setdefault("optional", False)
