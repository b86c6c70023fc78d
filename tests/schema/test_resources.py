"""The resource table against facts picked by hand from kube-apiserver 1.36's discovery and storage."""

from __future__ import annotations

import pytest

from sekisho.api.types import GroupVersionKind
from sekisho.schema.resources import ResourceInfo, builtin_groups, builtin_resources, storage_version_hash

RESOURCES = {(r.group, r.version, r.resource): r for r in builtin_resources()}
STANDARD = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


def find(group: str, resource: str, version: str = "v1") -> ResourceInfo:
    return RESOURCES[group, version, resource]


def test_pods() -> None:
    pods = find("", "pods")
    assert (pods.kind, pods.singular, pods.list_kind, pods.namespaced) == ("Pod", "pod", "PodList", True)
    assert (pods.short_names, pods.categories, pods.verbs) == (("po",), ("all",), STANDARD)
    assert {name: (*sub.gvk, sub.verbs) for name, sub in pods.subresources.items()} == {
        "attach": ("", "v1", "PodAttachOptions", ("create", "get")),
        "binding": ("", "v1", "Binding", ("create",)),
        "ephemeralcontainers": ("", "v1", "Pod", ("get", "patch", "update")),
        "eviction": ("policy", "v1", "Eviction", ("create",)),
        "exec": ("", "v1", "PodExecOptions", ("create", "get")),
        "log": ("", "v1", "Pod", ("get",)),
        "portforward": ("", "v1", "PodPortForwardOptions", ("create", "get")),
        "proxy": ("", "v1", "PodProxyOptions", ("create", "delete", "get", "patch", "update")),
        "resize": ("", "v1", "Pod", ("get", "patch", "update")),
        "status": ("", "v1", "Pod", ("get", "patch", "update")),
    }


def test_verbs_and_subresources_are_sorted() -> None:
    for info in builtin_resources():
        assert list(info.verbs) == sorted(info.verbs)
        assert list(info.subresources) == sorted(info.subresources)


def test_resources_of_a_version_are_sorted() -> None:
    for group in builtin_groups():
        for version, _ in group.versions:
            names = [r.resource for r in builtin_resources() if (r.group, r.version) == (group.name, version)]
            assert names == sorted(names)
            assert names


def test_namespaces_cannot_be_deleted_in_bulk() -> None:
    namespaces = find("", "namespaces")
    assert "deletecollection" not in namespaces.verbs
    assert namespaces.subresources["finalize"].verbs == ("update",)
    assert not namespaces.namespaced


def test_reviews_are_only_created() -> None:
    review = find("authorization.k8s.io", "localsubjectaccessreviews")
    assert (review.verbs, review.namespaced, review.named_verbs) == (("create",), True, False)
    assert review.storage_version_hash == ""
    assert find("", "pods").named_verbs


@pytest.mark.parametrize(
    ("group", "resource", "names"),
    [
        ("apps", "deployments", ("deploy",)),
        ("apps", "controllerrevisions", ()),
        ("batch", "jobs", ()),
        ("apiextensions.k8s.io", "customresourcedefinitions", ("crd", "crds")),
        ("certificates.k8s.io", "certificatesigningrequests", ("csr",)),
        ("networking.k8s.io", "networkpolicies", ("netpol",)),
        ("storage.k8s.io", "volumeattributesclasses", ("vac",)),
        ("", "endpoints", ("ep",)),
        ("", "secrets", ()),
    ],
)
def test_short_names(group: str, resource: str, names: tuple[str, ...]) -> None:
    assert find(group, resource).short_names == names


def test_scale_is_a_kind_of_autoscaling() -> None:
    for group, resource in (("apps", "deployments"), ("", "replicationcontrollers")):
        assert find(group, resource).subresources["scale"].gvk == ("autoscaling", "v1", "Scale")
    assert "scale" not in find("apps", "daemonsets").subresources


@pytest.mark.parametrize(
    ("group", "resource", "prefix"),
    [
        ("", "pods", "pods"),
        ("", "services", "services/specs"),
        ("", "endpoints", "services/endpoints"),
        ("", "nodes", "minions"),
        ("", "replicationcontrollers", "controllers"),
        ("networking.k8s.io", "ingresses", "ingress"),
        ("rbac.authorization.k8s.io", "roles", "roles"),
        ("events.k8s.io", "events", "events"),
        (
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            "apiextensions.k8s.io/customresourcedefinitions",
        ),
        ("apiregistration.k8s.io", "apiservices", "apiregistration.k8s.io/apiservices"),
    ],
)
def test_key_prefixes(group: str, resource: str, prefix: str) -> None:
    assert find(group, resource).key_prefix == prefix


def test_what_is_stored_as_something_else() -> None:
    other = {
        (r.group, r.version, r.resource): r.storage_gvk for r in builtin_resources() if r.storage_gvk != r.gvk
    }
    assert other == {
        ("events.k8s.io", "v1", "events"): ("", "v1", "Event"),
        ("autoscaling", "v1", "horizontalpodautoscalers"): ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    }
    prefixes: dict[str, set[tuple[str, str, str]]] = {}
    for info in builtin_resources():
        prefixes.setdefault(info.key_prefix, set()).add(tuple(info.storage_gvk))
    assert all(len(kinds) == 1 for kinds in prefixes.values())


@pytest.mark.parametrize(
    ("group", "resource", "text"),
    [
        ("apps", "deployments", "8aSe+NMegvE="),
        ("", "pods", "xPOwRZ+Yhw8="),
        ("", "events", "r2yiGXH7wu8="),
        ("events.k8s.io", "events", "r2yiGXH7wu8="),
        ("autoscaling", "horizontalpodautoscalers", "qwQve8ut294="),
        ("", "bindings", ""),
    ],
)
def test_storage_version_hashes(group: str, resource: str, text: str) -> None:
    assert find(group, resource).storage_version_hash == text


def test_policies_that_mutate_are_stored_in_the_version_before() -> None:
    kind = GroupVersionKind("admissionregistration.k8s.io", "v1beta1", "MutatingAdmissionPolicy")
    found = find("admissionregistration.k8s.io", "mutatingadmissionpolicies")
    assert found.storage_version_hash == storage_version_hash(kind)
    assert found.storage_gvk.version == "v1"


def test_groups_in_the_order_of_discovery() -> None:
    names = [g.name for g in builtin_groups()]
    assert names[:4] == ["apiregistration.k8s.io", "", "apps", "events.k8s.io"]
    assert names[-1] == "flowcontrol.apiserver.k8s.io"
    assert len(names) == 21
    priorities = [g.priority for g in builtin_groups()]
    assert priorities == sorted(priorities, reverse=True)
    autoscaling = next(g for g in builtin_groups() if g.name == "autoscaling")
    assert (autoscaling.preferred, autoscaling.versions) == ("v2", (("v2", 30), ("v1", 15)))


def test_deprecated_kinds_say_so() -> None:
    warned = {r.kind: r.deprecation_warning for r in builtin_resources() if r.deprecation_warning}
    assert warned == {
        "ComponentStatus": "v1 ComponentStatus is deprecated in v1.19+",
        "Endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    }


@pytest.mark.parametrize(
    ("group", "package"),
    [("", "core"), ("apps", "apps"), ("rbac.authorization.k8s.io", "rbac"), ("events.k8s.io", "core")],
)
def test_go_packages(group: str, package: str) -> None:
    assert {r.go_package for r in builtin_resources() if r.group == group} == {package}
