"""Pods for tests: decoded and defaulted as the server would, and what validation says about them."""

from __future__ import annotations

from typing import Any

from sekisho.api.field import ErrorList, Path
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import decode
from sekisho.schema.defaults.pod import set_defaults_pod, set_defaults_pod_template_spec
from sekisho.schema.validation.options import FOR_POD, FOR_TEMPLATE, PodOptions
from sekisho.schema.validation.pod import validate_pod_create, validate_pod_template_spec

POD = builtin_types().for_kind(GroupVersionKind("", "v1", "Pod"))
TEMPLATE = builtin_types().for_kind(GroupVersionKind("", "v1", "PodTemplate"))


def container(name: str = "c", **fields: Any) -> Object:
    return {"name": name, "image": "i:1", **fields}


def raw_pod(metadata: Object | None = None, **spec: Any) -> Object:
    spec.setdefault("containers", [container()])
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "p", "namespace": "n", **(metadata or {})},
        "spec": spec,
    }


def typed(raw: Object) -> Object:
    obj, problems = decode(POD, raw)
    assert not problems
    set_defaults_pod(obj)
    return obj


def pod(metadata: Object | None = None, **spec: Any) -> Object:
    """A Pod as it is after decoding and defaulting."""
    spec.setdefault("serviceAccountName", "default")
    return typed(raw_pod(metadata, **spec))


def template(metadata: Object | None = None, **spec: Any) -> Object:
    spec.setdefault("containers", [container()])
    obj, problems = decode(TEMPLATE, {"template": {"metadata": metadata or {}, "spec": spec}})
    assert not problems
    set_defaults_pod_template_spec(obj["template"])
    return obj["template"]


def texts(errors: ErrorList) -> list[str]:
    return [str(error) for error in errors]


def complaints(metadata: Object | None = None, options: PodOptions = FOR_POD, **spec: Any) -> list[str]:
    """What is wrong with a new Pod with this spec; `spec.` is cut off the paths."""
    errors = validate_pod_create(pod(metadata, **spec), options)
    return [text.removeprefix("spec.") for text in texts(errors)]


def about_container(where: str = "containers", **fields: Any) -> list[str]:
    """What is wrong with a container with these fields; its path is cut off."""
    spec: Object = {where: [{**container("x"), **fields}]}
    return [text.removeprefix(f"{where}[0].") for text in complaints(**spec)]


def about_template(metadata: Object | None = None, **spec: Any) -> list[str]:
    errors = validate_pod_template_spec(template(metadata, **spec), Path("template"), FOR_TEMPLATE)
    return [text.removeprefix("template.") for text in texts(errors)]
