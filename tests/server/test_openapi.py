"""OpenAPI documents: what clients look for in them, how they are served, and their protobuf form."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import orjson
import pytest

from sekisho.api.clock import Clock
from sekisho.api.types import Object
from sekisho.schema.protobuf.wire import BYTES, read_length, read_varint, skip
from sekisho.schema.resources import builtin_resources
from sekisho.server.openapi import OpenAPI
from sekisho.server.openapi.operations import identifier
from sekisho.server.openapi.routes import article
from sekisho.server.request import Response
from server.requests import get

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V3_PROTOBUF = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
POD = "io.k8s.api.core.v1.Pod"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."


class StoppedClock:
    def now(self) -> float:
        return 1_700_000_000.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


CLOCK: Clock = StoppedClock()


def definition(group: str = "example.com", **version: Any) -> Object:
    return {
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": True, "storage": True, **version}],
        }
    }


def schema_of(schema: Object) -> Object:
    return {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}}


@pytest.fixture(scope="module")
def openapi() -> OpenAPI:
    return OpenAPI(builtin_resources(), CLOCK)


def v3(openapi: OpenAPI, path: str, **headers: str) -> Response:
    return asyncio.run(openapi.v3_document(get(f"/openapi/v3/{path}", **headers)))


def v2(openapi: OpenAPI, **headers: str) -> Response:
    return asyncio.run(openapi.v2(get("/openapi/v2", **headers)))


def index(openapi: OpenAPI) -> dict[str, str]:
    response = asyncio.run(openapi.v3_index(get("/openapi/v3")))
    paths = orjson.loads(response.body)["paths"]
    return {path: entry["serverRelativeURL"] for path, entry in paths.items()}


def header(response: Response, name: bytes) -> str:
    return next((value.decode() for key, value in response.headers if key == name), "")


@pytest.fixture(scope="module")
def core(openapi: OpenAPI) -> Any:
    return orjson.loads(v3(openapi, "api/v1").body)


@pytest.fixture(scope="module")
def swagger(openapi: OpenAPI) -> Any:
    return orjson.loads(v2(openapi).body)


PODS = "/api/v1/namespaces/{namespace}/pods"


@pytest.mark.parametrize(
    ("path", "method", "operation", "action"),
    [
        ("/api/v1/pods", "get", "listCoreV1PodForAllNamespaces", "list"),
        (PODS, "get", "listCoreV1NamespacedPod", "list"),
        (PODS, "post", "createCoreV1NamespacedPod", "post"),
        (PODS, "delete", "deleteCoreV1CollectionNamespacedPod", "deletecollection"),
        (PODS + "/{name}", "get", "readCoreV1NamespacedPod", "get"),
        (PODS + "/{name}", "put", "replaceCoreV1NamespacedPod", "put"),
        (PODS + "/{name}", "patch", "patchCoreV1NamespacedPod", "patch"),
        (PODS + "/{name}", "delete", "deleteCoreV1NamespacedPod", "delete"),
        (PODS + "/{name}/status", "patch", "patchCoreV1NamespacedPodStatus", "patch"),
        (PODS + "/{name}/log", "get", "readCoreV1NamespacedPodLog", "get"),
        (PODS + "/{name}/binding", "post", "createCoreV1NamespacedPodBinding", "post"),
        (PODS + "/{name}/exec", "post", "connectCoreV1PostNamespacedPodExec", "connect"),
        (PODS + "/{name}/proxy/{path}", "head", "connectCoreV1HeadNamespacedPodProxyWithPath", "connect"),
        ("/api/v1/nodes/{name}/proxy", "options", "connectCoreV1OptionsNodeProxy", "connect"),
        ("/api/v1/watch/pods", "get", "watchCoreV1PodListForAllNamespaces", "watchlist"),
        ("/api/v1/watch/namespaces/{namespace}/pods/{name}", "get", "watchCoreV1NamespacedPod", "watch"),
        ("/api/v1/namespaces/{name}/finalize", "put", "replaceCoreV1NamespaceFinalize", "put"),
    ],
)
def test_operations(core: Any, path: str, method: str, operation: str, action: str) -> None:
    found = core["paths"][path][method]
    assert found["operationId"] == operation
    assert found["x-kubernetes-action"] == action
    assert found["tags"] == ["core_v1"]


def test_both_versions_have_the_same_operations(core: Any, swagger: Any) -> None:
    for path, item in core["paths"].items():
        methods = item.keys() - {"parameters"}
        assert methods == swagger["paths"][path].keys() - {"parameters"}


def test_operation_ids_are_unique(swagger: Any) -> None:
    ids = [
        operation["operationId"]
        for item in swagger["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere(openapi: OpenAPI, swagger: Any) -> None:
    assert _dangling(swagger, swagger) == set()
    for path in index(openapi):
        document = orjson.loads(v3(openapi, path).body)
        assert _dangling(document, document) == set()


def _dangling(node: Any, document: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_dangling(item, document) for item in node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*(_dangling(item, document) for item in node.values()))
    reference = node.get("$ref")
    if isinstance(reference, str):
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target.get(part, {})
        if not target:
            found.add(reference)
    return found


def test_patch_offers_field_validation_where_kubectl_looks_for_it(core: Any, swagger: Any) -> None:
    names = [p["name"] for p in core["paths"][PODS + "/{name}"]["patch"]["parameters"]]
    assert names == ["dryRun", "fieldManager", "fieldValidation", "force"]
    inline = [p.get("name") for p in swagger["paths"][PODS + "/{name}"]["patch"]["parameters"]]
    assert inline == [None, "dryRun", None, "fieldValidation", None]
    assert list(core["paths"][PODS + "/{name}"]["patch"]["requestBody"]["content"]) == [
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ]


def test_shared_parameters_have_upstreams_names(swagger: Any) -> None:
    expected = {"limit-1NfNmdNH", "continue-QfD61s0i", "watch-XNNPZGbK", "gracePeriodSeconds--K5HaBOS"}
    assert expected <= swagger["parameters"].keys()
    assert swagger["parameters"]["limit-1NfNmdNH"]["type"] == "integer"


def test_answers_of_delete(core: Any) -> None:
    def answers(path: str) -> str:
        content = core["paths"][path]["delete"]["responses"]["202"]["content"]
        return str(content["application/json"]["schema"]["$ref"].rsplit(".", 1)[-1])

    assert answers(PODS + "/{name}") == "Pod"
    assert answers("/api/v1/namespaces/{namespace}/configmaps/{name}") == "Status"
    assert "required" not in core["paths"][PODS + "/{name}"]["delete"]["requestBody"]


def test_text_answers(core: Any) -> None:
    log = core["paths"][PODS + "/{name}/log"]["get"]["responses"]["200"]["content"]
    assert log["text/plain"] == {"schema": {"type": "string"}}
    connect = core["paths"][PODS + "/{name}/exec"]["get"]["responses"]["200"]["content"]
    assert connect == {"*/*": {"schema": {"type": "string"}}}


def test_schemas_carry_what_patches_need(core: Any, swagger: Any) -> None:
    for schemas in (core["components"]["schemas"], swagger["definitions"]):
        assert schemas[POD]["x-kubernetes-group-version-kind"] == [
            {"group": "", "kind": "Pod", "version": "v1"}
        ]
        containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
        assert containers["x-kubernetes-patch-merge-key"] == "name"
        assert containers["x-kubernetes-list-map-keys"] == ["name"]
        assert schemas[POD]["properties"]["kind"] == swagger["definitions"][POD]["properties"]["kind"]
        assert "enum" not in schemas[POD]["properties"]["kind"]


def test_version_3_shows_zero_values_as_defaults(core: Any, swagger: Any) -> None:
    schemas = core["components"]["schemas"]
    assert schemas[POD]["properties"]["metadata"]["default"] == {}
    assert schemas[POD]["properties"]["metadata"]["allOf"] == [
        {"$ref": f"#/components/schemas/{META}ObjectMeta"}
    ]
    assert schemas["io.k8s.api.core.v1.Container"]["properties"]["name"]["default"] == ""
    assert schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]["containerPort"]["default"] == 0
    assert schemas["io.k8s.api.core.v1.ServicePort"]["properties"]["protocol"]["default"] == "TCP"
    assert schemas["io.k8s.api.core.v1.SecretKeySelector"]["properties"]["name"]["default"] == ""
    assert "default" not in schemas["io.k8s.api.core.v1.Container"]["properties"]["securityContext"]
    assert "default" not in schemas[META + "ObjectMeta"]["properties"]["creationTimestamp"]
    assert "default" not in swagger["definitions"][POD]["properties"]["metadata"]


def test_enumerations_list_their_values_and_say_what_they_mean(core: Any, swagger: Any) -> None:
    for schemas in (core["components"]["schemas"], swagger["definitions"]):
        protocol = schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]["protocol"]
        assert protocol["enum"] == ["SCTP", "TCP", "UDP"]
        assert (
            '\n\nPossible enum values:\n - `"SCTP"` SCTP\n - `"TCP"`'
            in protocol["description"]
        )
        modes = schemas["io.k8s.api.core.v1.PersistentVolumeClaimSpec"]["properties"]["accessModes"]
        assert "ReadWriteOnce" in modes["items"]["enum"]


def test_kinds_registered_everywhere_name_only_their_own_group(openapi: OpenAPI, swagger: Any) -> None:
    apps = orjson.loads(v3(openapi, "apis/apps/v1").body)["components"]["schemas"]
    groups = [k["group"] for k in apps[META + "DeleteOptions"]["x-kubernetes-group-version-kind"]]
    assert groups == ["", "apps"]
    assert len(swagger["definitions"][META + "DeleteOptions"]["x-kubernetes-group-version-kind"]) > 20


def test_the_index_lists_roots_groups_and_versions(openapi: OpenAPI) -> None:
    paths = index(openapi)
    assert list(paths) == sorted(paths)
    assert {"api", "api/v1", "apis", "apis/apps", "apis/apps/v1", "version", "openid/v1/jwks"} <= paths.keys()
    assert ".well-known/openid-configuration" in paths
    path, _, digest = paths["apis/apps/v1"].partition("?hash=")
    assert path == "/openapi/v3/apis/apps/v1"
    assert len(digest) == 128


def test_a_document_named_by_its_hash_may_be_kept_for_ever(openapi: OpenAPI) -> None:
    url = index(openapi)["apis/apps/v1"].removeprefix("/openapi/v3/")
    response = v3(openapi, url)
    assert header(response, b"cache-control") == "public, immutable"
    assert header(response, b"expires") == "Wed, 13 Nov 2024 22:13:20 UTC"
    assert header(response, b"vary") == "Accept"
    assert header(response, b"etag").strip('"') in url
    assert v3(openapi, url, if_none_match=header(response, b"etag")).code == 304


def test_a_document_named_by_an_old_hash_has_moved(openapi: OpenAPI) -> None:
    response = v3(openapi, "apis/apps/v1?hash=OLD")
    assert (response.code, response.body) == (301, b"")
    assert header(response, b"location") == index(openapi)["apis/apps/v1"]


def test_without_a_hash_there_is_only_a_tag(openapi: OpenAPI) -> None:
    response = v3(openapi, "version")
    assert header(response, b"cache-control") == ""
    assert header(response, b"etag")
    assert v3(openapi, "version", if_none_match=f'"x", W/{header(response, b"etag")}').code == 304
    assert v3(openapi, "version", if_modified_since=header(response, b"last-modified")).code == 304
    assert v3(openapi, "version", if_modified_since="Mon, 01 Jan 2001 00:00:00 GMT").code == 200
    assert v3(openapi, "version", if_modified_since="yesterday").code == 200


@pytest.mark.parametrize("path", ["apis/nope.example.com/v1", "apis/apps/v9", ""])
def test_unknown_documents(openapi: OpenAPI, path: str) -> None:
    response = v3(openapi, path)
    assert (response.code, response.body, response.headers) == (404, b"", [])


def test_media_types(openapi: OpenAPI) -> None:
    assert v2(openapi, accept="text/html").code == 406
    assert v3(openapi, "version", accept="text/html").code == 406
    assert header(v2(openapi, accept="application/json, */*"), b"content-type") == "application/json"
    stated = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    for accept in (V2_PROTOBUF, stated):
        assert header(v2(openapi, accept=accept), b"content-type") == stated
    assert header(v3(openapi, "version", accept=V3_PROTOBUF), b"content-type") == V3_PROTOBUF


def test_large_documents_are_compressed_for_those_who_take_it(openapi: OpenAPI) -> None:
    response = v2(openapi, accept_encoding="gzip, deflate")
    assert header(response, b"content-encoding") == "gzip"
    assert gzip.decompress(response.body) == v2(openapi).body
    assert header(v3(openapi, "version", accept_encoding="gzip"), b"content-encoding") == ""


def fields(data: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a message."""
    found, pos = [], 0
    while pos < len(data):
        key, pos = read_varint(data, pos)
        if key & 7 == BYTES:
            start, pos = read_length(data, pos, len(data))
            found.append((key >> 3, data[start:pos]))
        else:
            pos = skip(data, pos, len(data), key & 7)
    return found


def names(message: bytes, number: int) -> list[str]:
    return [fields(entry)[0][1].decode() for at, entry in fields(message) if at == number]


def test_version_2_as_gnostics_protobuf(openapi: OpenAPI, swagger: Any) -> None:
    document = dict(fields(v2(openapi, accept=V2_PROTOBUF).body))
    assert document[1] == b"2.0"
    assert names(document[8], 2) == list(swagger["paths"])
    assert names(document[9], 1) == list(swagger["definitions"])
    assert names(document[10], 1) == list(swagger["parameters"])
    pod = next(dict(fields(e)) for _, e in fields(document[9]) if fields(e)[0][1] == POD.encode())
    schema = fields(pod[2])
    extension = next(dict(fields(value)) for number, value in schema if number == 31)
    assert extension[1] == b"x-kubernetes-group-version-kind"
    (yaml,) = (value for _, value in fields(extension[2]))
    assert orjson.loads(yaml) == [{"group": "", "kind": "Pod", "version": "v1"}]


def test_version_3_as_gnostics_protobuf(openapi: OpenAPI, core: Any) -> None:
    document = dict(fields(v3(openapi, "api/v1", accept=V3_PROTOBUF).body))
    assert document[1] == b"3.0.0"
    assert names(document[4], 1) == list(core["paths"])
    components = dict(fields(document[5]))
    assert names(components[1], 1) == list(core["components"]["schemas"])


def test_a_custom_kind_gets_a_document() -> None:
    openapi = OpenAPI(builtin_resources(), CLOCK)
    spec = {
        "type": "object",
        "properties": {
            "both": {"x-kubernetes-int-or-string": True},
            "size": {"type": "integer", "nullable": True, "default": 1},
        },
    }
    openapi.set_definitions([definition(schema=schema_of(spec), subresources={"status": {}, "scale": {}})])
    document = orjson.loads(v3(openapi, "apis/example.com/v1").body)
    assert document["info"] == {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
    widget = document["components"]["schemas"]["com.example.v1.Widget"]
    assert list(widget["properties"]) == ["apiVersion", "kind", "metadata", "spec"]
    assert widget["properties"]["spec"]["properties"]["both"]["anyOf"] == [
        {"type": "integer"},
        {"type": "string"},
    ]
    item = document["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]
    assert item["patch"]["operationId"] == "patchExampleComV1NamespacedWidget"
    assert "fieldValidation" in [p["name"] for p in item["patch"]["parameters"]]
    assert "application/strategic-merge-patch+json" not in item["patch"]["requestBody"]["content"]
    scale = "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/scale"
    reply = document["paths"][scale]["get"]["responses"]["200"]["content"]["application/json"]
    assert reply["schema"]["$ref"] == "#/components/schemas/io.k8s.api.autoscaling.v1.Scale"
    assert _dangling(document, document) == set()


def test_custom_kinds_in_version_2_lose_what_it_cannot_say() -> None:
    openapi = OpenAPI(builtin_resources(), CLOCK)
    spec = {
        "type": "object",
        "required": ["size", "name"],
        "properties": {
            "size": {"type": "integer", "nullable": True},
            "name": {"type": "string", "anyOf": [{"minLength": 1}]},
            "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {}}},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": True},
        },
    }
    openapi.set_definitions([definition(schema=schema_of(spec))])
    document = orjson.loads(v2(openapi).body)
    shown = document["definitions"]["com.example.v1.Widget"]["properties"]["spec"]
    assert shown["required"] == ["name"]
    assert shown["properties"]["size"] == {}
    assert shown["properties"]["name"] == {"type": "string"}
    assert shown["properties"]["open"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert shown["properties"]["embedded"]["required"] == ["kind", "apiVersion"]
    assert "/apis/example.com/v1/widgets" in document["paths"]
    assert _dangling(document, document) == set()
    v2(openapi, accept=V2_PROTOBUF)


def test_kinds_that_keep_unknown_fields_say_nothing_in_version_2() -> None:
    openapi = OpenAPI(builtin_resources(), CLOCK)
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    openapi.set_definitions([definition(schema=schema, selectableFields=[{"jsonPath": ".spec.a"}])])
    shown = orjson.loads(v2(openapi).body)["definitions"]["com.example.v1.Widget"]
    assert "properties" not in shown
    assert shown["x-kubernetes-selectable-fields"] == [{"fieldPath": "spec.a"}]
    document = orjson.loads(v3(openapi, "apis/example.com/v1").body)
    assert "metadata" in document["components"]["schemas"]["com.example.v1.Widget"]["properties"]


def test_documents_change_with_what_they_are_made_from() -> None:
    openapi = OpenAPI(builtin_resources(), CLOCK)
    before = index(openapi)
    version_2 = header(v2(openapi), b"etag")
    openapi.set_definitions([definition()])
    first = index(openapi)
    assert first.keys() - before.keys() == {"apis/example.com/v1"}
    assert {path: first[path] for path in before} == before
    assert header(v2(openapi), b"etag") != version_2
    openapi.set_definitions([definition(schema=schema_of({"type": "string"}))])
    assert index(openapi)["apis/example.com/v1"] != first["apis/example.com/v1"]
    openapi.set_definitions([definition(served=False)])
    assert index(openapi) == before
    assert header(v2(openapi), b"etag") == version_2


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("Pod", "a Pod"),
        ("Ingress", "an Ingress"),
        ("Endpoints", "Endpoints"),
        ("StorageClass", "a StorageClass"),
    ],
)
def test_articles(noun: str, expected: str) -> None:
    assert article(noun) == expected


def test_identifiers() -> None:
    assert identifier("rbac.authorization", False) == "rbacAuthorization"
    assert identifier(".well-known", False) == "WellKnown"
    assert identifier("v1beta1", True) == "V1beta1"
