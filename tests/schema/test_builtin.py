"""The built-in types: what Go and OpenAPI say of a field, together."""

from __future__ import annotations

import runpy
from pathlib import Path

import orjson
import pytest

from sekisho.api.types import GroupVersionKind
from sekisho.schema.builtin import builtin_types, data_file, go_name, raw_definitions
from sekisho.schema.resources import builtin_resources
from sekisho.schema.types import Kind

TYPES = builtin_types()
CORE = "io.k8s.api.core.v1."


def test_fields_stand_in_the_order_of_the_struct() -> None:
    meta = TYPES.definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    assert list(meta.fields)[:5] == ["name", "generateName", "namespace", "selfLink", "uid"]
    assert [f.index for f in meta.fields.values()] == list(range(len(meta.fields)))
    pod = TYPES.for_kind(GroupVersionKind("", "v1", "Pod"))
    assert list(pod.fields) == ["kind", "apiVersion", "metadata", "spec", "status"]


def test_embedded_structs_are_in_place() -> None:
    volume = TYPES.definition(CORE + "Volume")
    assert list(volume.fields)[:3] == ["name", "hostPath", "emptyDir"]
    assert volume.fields["hostPath"].pointer


def test_lists_and_patches() -> None:
    containers = TYPES.definition(CORE + "PodSpec").fields["containers"]
    assert (containers.type.list_type, containers.type.list_map_keys) == ("map", ("name",))
    assert (containers.patch_strategy, containers.patch_merge_key) == (("merge",), "name")
    assert containers.required
    ports = TYPES.definition(CORE + "ServiceSpec").fields["ports"]
    assert ports.type.list_map_keys == ("port", "protocol")
    assert ports.patch_merge_key == "port"
    volumes = TYPES.definition(CORE + "PodSpec").fields["volumes"]
    assert volumes.patch_strategy == ("merge", "retainKeys")
    finalizers = TYPES.definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").fields["finalizers"]
    assert finalizers.type.list_type == "set"
    assert TYPES.definition("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector").map_type == "atomic"


@pytest.mark.parametrize(
    ("definition", "field", "always", "pointer"),
    [
        ("io.k8s.api.rbac.v1.ClusterRole", "rules", True, False),
        ("io.k8s.api.rbac.v1.ClusterRole", "aggregationRule", False, True),
        (CORE + "Container", "resources", True, False),
        (CORE + "Container", "args", False, False),
        (CORE + "PodSpec", "enableServiceLinks", False, True),
        ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "creationTimestamp", False, False),
        ("io.k8s.api.apps.v1.DeploymentSpec", "selector", True, True),
        ("io.k8s.api.apps.v1.DeploymentSpec", "strategy", True, False),
    ],
)
def test_what_is_written_when_it_is_empty(definition: str, field: str, always: bool, pointer: bool) -> None:
    found = TYPES.definition(definition).fields[field]
    assert (found.always, found.pointer) == (always, pointer)


@pytest.mark.parametrize(
    ("definition", "field", "name", "kind"),
    [
        (CORE + "PodSpec", "containers", "[]v1.Container", Kind.LIST),
        (CORE + "ContainerPort", "protocol", "v1.Protocol", Kind.STRING),
        (CORE + "ResourceRequirements", "limits", "v1.ResourceList", Kind.MAP),
        (CORE + "Secret", "data", "map[string][]uint8", Kind.MAP),
        (CORE + "ServicePort", "targetPort", "intstr.IntOrString", Kind.INT_OR_STRING),
        (
            "io.k8s.api.authorization.v1.SubjectAccessReviewSpec",
            "extra",
            "map[string]v1.ExtraValue",
            Kind.MAP,
        ),
        ("io.k8s.api.apps.v1.ControllerRevision", "data", "runtime.RawExtension", Kind.RAW_OBJECT),
    ],
)
def test_go_names(definition: str, field: str, name: str, kind: Kind) -> None:
    type_ = TYPES.definition(definition).fields[field].type
    assert (type_.go_name, type_.kind) == (name, kind)


def test_go_name_of_expressions() -> None:
    assert go_name("[]*.Foo", "io.k8s.api.core.v1") == "[]*v1.Foo"
    assert go_name("map[.Name]io.k8s.api.core.v1.Foo", "io.k8s.api.apps.v2") == "map[v2.Name]v1.Foo"


def test_recursive_types_close() -> None:
    schema = TYPES.definition("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    assert schema.fields["properties"].type.element is schema
    assert schema.fields["items"].type.element is schema


def test_types_are_shared() -> None:
    pod = TYPES.for_kind(GroupVersionKind("", "v1", "Pod"))
    template = TYPES.definition(CORE + "PodTemplateSpec")
    assert pod.fields["spec"].type is template.fields["spec"].type


def test_kinds_of_the_scheme() -> None:
    known = TYPES.has_kind
    assert known(GroupVersionKind("apps", "v1", "Deployment"))
    assert known(GroupVersionKind("apps", "v1", "DeploymentList"))
    assert known(GroupVersionKind("apps", "v1", "DeleteOptions"))
    assert known(GroupVersionKind("", "v1", "Status"))
    assert not known(GroupVersionKind("apps", "v1", "Status"))
    assert not known(GroupVersionKind("apps", "v1", "DeploymentSpec"))
    assert not known(GroupVersionKind("apps", "v9", "DeleteOptions"))
    assert not known(GroupVersionKind("", "v1", "ObjectReference"))
    assert not known(GroupVersionKind("example.com", "v1", "Deployment"))
    with pytest.raises(KeyError):
        TYPES.for_kind(GroupVersionKind("", "v1", "Gadget"))
    with pytest.raises(KeyError):
        TYPES.definition(CORE + "Gadget")


def test_every_served_kind_has_a_type() -> None:
    for info in builtin_resources():
        assert TYPES.for_kind(info.gvk).kind is Kind.OBJECT
        assert TYPES.for_kind(info.storage_gvk).kind is Kind.OBJECT
        for sub in info.subresources.values():
            assert TYPES.has_kind(sub.gvk)


def test_go_and_openapi_agree_on_the_fields() -> None:
    structs = 0
    for name, definition in raw_definitions().items():
        if "alpha" in name or "beta" in name or "properties" not in definition:
            continue
        try:
            type_ = TYPES.definition(name)
        except KeyError:
            assert name == "io.k8s.apimachinery.pkg.version.Info"
            continue
        if type_.kind is Kind.OBJECT:
            structs += 1
            assert set(type_.fields) == set(definition["properties"])
    assert structs > 500


def test_the_hints_are_those_of_the_definitions() -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts/make_schema_hints.py"))
    structs = orjson.loads(data_file("go-fields.json"))["structs"]
    fresh = {name: script["hints"](d) for name, d in raw_definitions().items() if name in structs}
    assert orjson.loads(data_file("schema-hints.json")) == {k: v for k, v in fresh.items() if v}

