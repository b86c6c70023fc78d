"""Discovery: the order of groups and versions, both forms of the documents, and how Accept chooses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.status import StatusError
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.protobuf import decode_protobuf
from sekisho.schema.resources import ResourceInfo, SubresourceInfo, storage_version_hash
from sekisho.server.discovery import (
    AGGREGATED,
    STALE,
    Discovery,
    ServedVersion,
    aggregated_form,
    builtin_versions,
    custom_versions,
    ordered,
    version_rank,
)
from sekisho.server.request import Response
from server.requests import get

CRD_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
V2 = f"application/json{AGGREGATED}"


def custom(group: str = "example.com", version: str = "v1", plural: str = "widgets") -> ResourceInfo:
    kind = GroupVersionKind(group, version, "Widget")
    return ResourceInfo(
        group=group,
        version=version,
        resource=plural,
        kind="Widget",
        namespaced=True,
        verbs=CRD_VERBS,
        singular="widget",
        subresources={
            "scale": SubresourceInfo("scale", GroupVersionKind("autoscaling", "v1", "Scale"), ("get",)),
            "status": SubresourceInfo("status", kind, ("get", "patch", "update")),
        },
        storage_version_hash=storage_version_hash(kind),
    )


@pytest.fixture(scope="module")
def discovery() -> Discovery:
    return Discovery("10.0.0.5:6443", [*builtin_versions(), *custom_versions([custom()])])


def answer(discovery: Discovery, path: str, method: str = "GET", **headers: str) -> Response:
    return asyncio.run(discovery.handle(get(path, method, **headers)))


def body(discovery: Discovery, path: str, **headers: str) -> Any:
    return orjson.loads(answer(discovery, path, **headers).body)


def header(response: Response, name: bytes) -> bytes:
    return dict(response.headers)[name]


def resource(document: Object, name: str) -> Object:
    return next(r for r in document["resources"] if r["name"] == name)


def test_versions_of_core(discovery: Discovery) -> None:
    assert body(discovery, "/api") == {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.5:6443"}],
    }


def test_groups_stand_by_priority_and_custom_ones_last(discovery: Discovery) -> None:
    names = [g["name"] for g in body(discovery, "/apis")["groups"]]
    assert names[:3] == ["apiregistration.k8s.io", "apps", "events.k8s.io"]
    assert names[-1] == "example.com"


def test_a_group_prefers_its_first_version(discovery: Discovery) -> None:
    group = body(discovery, "/apis/autoscaling")
    assert list(group)[:2] == ["kind", "apiVersion"]
    assert [v["version"] for v in group["versions"]] == ["v2", "v1"]
    assert group["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}


def test_core_has_no_api_version_and_no_group_document(discovery: Discovery) -> None:
    core = body(discovery, "/api/v1")
    assert (core["kind"], core["groupVersion"]) == ("APIResourceList", "v1")
    assert "apiVersion" not in core
    assert not discovery.serves("/api/v2")


def test_resources_are_sorted_with_their_subresources(discovery: Discovery) -> None:
    document = body(discovery, "/api/v1")
    names = [r["name"] for r in document["resources"]]
    assert names == sorted(names)
    assert resource(document, "pods/eviction") == {
        "name": "pods/eviction",
        "singularName": "",
        "namespaced": True,
        "group": "policy",
        "version": "v1",
        "kind": "Eviction",
        "verbs": ["create"],
    }
    assert resource(document, "pods/exec")["kind"] == "PodExecOptions"
    assert resource(document, "pods/exec")["verbs"] == ["create", "get"]
    assert resource(document, "nodes/proxy")["verbs"] == ["create", "delete", "get", "patch", "update"]
    assert "storageVersionHash" not in resource(document, "bindings")
    assert list(resource(document, "pods")) == [
        "name",
        "singularName",
        "namespaced",
        "kind",
        "verbs",
        "shortNames",
        "categories",
        "storageVersionHash",
    ]


def test_custom_resources(discovery: Discovery) -> None:
    document = body(discovery, "/apis/example.com/v1")
    assert [r["name"] for r in document["resources"]] == ["widgets", "widgets/status", "widgets/scale"]
    assert document["resources"][0]["verbs"] == list(CRD_VERBS)
    assert resource(document, "widgets/scale")["group"] == "autoscaling"


def test_the_aggregated_form(discovery: Discovery) -> None:
    response = answer(discovery, "/apis", accept=V2)
    assert header(response, b"content-type").decode() == V2
    assert header(response, b"vary") == b"Accept"
    assert header(response, b"cache-control") == b"public"
    document = orjson.loads(response.body)
    apps = document["items"][1]
    assert apps["metadata"] == {"name": "apps"}
    deployments = next(r for r in apps["versions"][0]["resources"] if r["resource"] == "deployments")
    assert deployments["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
    assert deployments["scope"] == "Namespaced"
    assert deployments["subresources"][0]["responseKind"] == {
        "group": "autoscaling",
        "version": "v1",
        "kind": "Scale",
    }
    assert apps["versions"][0]["freshness"] == "Current"


def test_custom_kinds_name_their_group_in_the_aggregated_form(discovery: Discovery) -> None:
    widgets = body(discovery, "/apis", accept=V2)["items"][-1]["versions"][0]["resources"][0]
    assert widgets["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert [s["subresource"] for s in widgets["subresources"]] == ["status", "scale"]


def test_core_is_a_group_without_a_name(discovery: Discovery) -> None:
    (core,) = body(discovery, "/api", accept=V2)["items"]
    assert core["metadata"] == {}


def test_an_unchanged_document_is_not_sent_again(discovery: Discovery) -> None:
    tag = header(answer(discovery, "/apis", accept=V2), b"etag").decode()
    assert len(tag) == 130
    assert tag == tag.upper()
    again = answer(discovery, "/apis", accept=V2, if_none_match=tag)
    assert (again.code, again.body) == (304, b"")
    assert answer(discovery, "/apis", accept=V2, if_none_match=tag.strip('"')).code == 200


@pytest.mark.parametrize(
    "accept",
    [
        f"{V2},application/json{AGGREGATED.replace('v2', 'v2beta1')},application/json",
        f"application/json,{V2}",
        f"*/*{AGGREGATED}",
    ],
)
def test_any_clause_may_ask_for_the_aggregated_form(accept: str) -> None:
    form = aggregated_form(accept)
    assert form is not None
    assert form.media_type == "application/json"


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "application/json",
        f"application/json{AGGREGATED.replace('v2', 'v2beta1')}",
        f"text/html{AGGREGATED}",
    ],
)
def test_other_clauses_do_not(accept: str) -> None:
    assert aggregated_form(accept) is None


def test_beta_first_and_plain_second_gives_plain(discovery: Discovery) -> None:
    accept = f"application/json{AGGREGATED.replace('v2', 'v2beta1')},application/json"
    assert body(discovery, "/api", accept=accept)["kind"] == "APIVersions"


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/apps", "/apis/apps/v1"])
@pytest.mark.parametrize(
    "accept",
    [
        "application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2",
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    ],
)
def test_documents_are_not_converted_otherwise(discovery: Discovery, path: str, accept: str) -> None:
    with pytest.raises(StatusError) as caught:
        answer(discovery, path, accept=accept)
    assert caught.value.code == 406
    assert caught.value.message.startswith("only the following media types are accepted")


def test_who_says_406(discovery: Discovery) -> None:
    for path, start in (("/apis", "only the"), ("/apis/apps", "only the"), ("/apis/apps/v1", "406: Not")):
        with pytest.raises(StatusError, match=start):
            answer(discovery, path, accept="text/html")


def test_methods(discovery: Discovery) -> None:
    assert answer(discovery, "/apis", "DELETE").code == 200
    for path in ("/api", "/api/v1", "/apis/apps/v1"):
        with pytest.raises(StatusError) as caught:
            answer(discovery, path, "POST")
        assert caught.value.code == 405


def test_other_encodings(discovery: Discovery) -> None:
    yaml = answer(discovery, "/apis/policy", accept="application/yaml")
    assert b"preferredVersion:\n  groupVersion: policy/v1\n" in yaml.body
    nothing = GroupVersionKind("", "", "")
    for path in ("/api", "/apis", "/apis/apps", "/apis/apps/v1", "/api/v1"):
        plain = body(discovery, path)
        encoded = answer(discovery, path, accept="application/vnd.kubernetes.protobuf").body
        assert decode_protobuf(encoded, nothing)["kind"] == plain["kind"]
    accept = f"application/vnd.kubernetes.protobuf{AGGREGATED}"
    aggregated = answer(discovery, "/apis", accept=accept)
    assert header(aggregated, b"content-type").decode() == accept
    items = decode_protobuf(aggregated.body, nothing)["items"]
    assert items[1]["metadata"]["name"] == "apps"


def test_trailing_slashes(discovery: Discovery) -> None:
    assert body(discovery, "/apis/apps/v1/") == body(discovery, "/apis/apps/v1")
    assert discovery.serves("/apis/")
    assert not discovery.serves("/apis/Apps")


def test_versions_come_and_go() -> None:
    discovery = Discovery("a:1", builtin_versions())
    before = header(answer(discovery, "/apis", accept=V2), b"etag")
    discovery.set_versions([*builtin_versions(), *custom_versions([custom()])])
    assert discovery.serves("/apis/example.com/v1")
    assert header(answer(discovery, "/apis", accept=V2), b"etag") != before
    discovery.set_versions(builtin_versions())
    assert not discovery.serves("/apis/example.com")
    assert header(answer(discovery, "/apis", accept=V2), b"etag") == before


def test_aggregated_servers_are_shown_but_answer_for_their_resources_themselves() -> None:
    remote = ServedVersion("metrics.k8s.io", "v1beta1", 100, 100, remote=(), freshness=STALE)
    discovery = Discovery("a:1", [remote, *builtin_versions()])
    assert body(discovery, "/apis/metrics.k8s.io")["preferredVersion"]["version"] == "v1beta1"
    assert not discovery.serves("/apis/metrics.k8s.io/v1beta1")
    assert body(discovery, "/apis", accept=V2)["items"][-1] == {
        "metadata": {"name": "metrics.k8s.io"},
        "versions": [{"version": "v1beta1", "freshness": "Stale"}],
    }


def test_the_first_of_two_versions_with_one_name_is_kept() -> None:
    (builtin,) = (v for v in builtin_versions() if v.group == "apps")
    taken = replace(builtin, group_priority=1, resources=())
    assert ordered([taken, builtin])["apps"] == [taken]


def test_groups_of_one_priority_stand_by_name() -> None:
    versions = custom_versions(custom(group) for group in ("b.io", "a.io"))
    assert list(ordered(versions)) == ["a.io", "b.io"]


def test_versions_stand_as_kubernetes_sorts_them() -> None:
    names = ["v1", "v2", "v10", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"]
    expected = [
        "v10",
        "v2",
        "v1",
        "v11beta2",
        "v10beta3",
        "v3beta1",
        "v12alpha1",
        "v11alpha2",
        "foo1",
        "foo10",
    ]
    assert sorted(names, key=version_rank) == expected


@given(st.permutations(["v1", "v1beta1", "v1alpha1", "v2", "other"]))
def test_the_order_does_not_depend_on_the_order_of_the_definitions(names: list[str]) -> None:
    versions = ordered(custom_versions(custom(version=name) for name in names))["example.com"]
    assert [v.version for v in versions] == ["v2", "v1", "v1beta1", "v1alpha1", "other"]
