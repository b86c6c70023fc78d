"""Ownership after creates, updates and patches."""

from __future__ import annotations

from typing import Any

from sekisho.api import status
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry.fieldmanager import FieldManager
from sekisho.schema.builtin import builtin_types
from sekisho.schema.types import Field, Kind, Type

NOW = "2026-01-02T03:04:05Z"
LATER = "2026-01-02T03:04:06Z"
STATUS = (("status",),)
SPEC = (("spec",),)


def kind(group: str, version: str, name: str) -> GroupVersionKind:
    return GroupVersionKind(group, version, name)


def manager_of(found: GroupVersionKind) -> FieldManager:
    return FieldManager(builtin_types().for_kind(found), found)


MAPS = manager_of(kind("", "v1", "ConfigMap"))
DEPLOYMENTS = manager_of(kind("apps", "v1", "Deployment"))


def config_map(entries: list[Object] | None = None, *, labels: Any = None, **data: str) -> Object:
    metadata: Object = {"name": "a", "uid": "1"}
    if labels:
        metadata["labels"] = labels
    if entries is not None:
        metadata["managedFields"] = entries
    out: Object = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}
    return {**out, "data": data} if data else out


def entry(manager: str, fields: Any, time: str = NOW, **more: Any) -> Object:
    subresource = {"subresource": more["subresource"]} if "subresource" in more else {}
    return {
        "manager": manager,
        "operation": more.get("operation", "Update"),
        "apiVersion": more.get("api_version", "v1"),
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **subresource,
    }


def data(*keys: str, new: bool = False) -> Any:
    return {"f:data": {**({".": {}} if new else {}), **{f"f:{key}": {} for key in keys}}}


def test_a_create_owns_all_it_brings() -> None:
    new = config_map(labels={"l": "1"}, k="1")
    out = MAPS.update(None, new, manager="kubectl", now=NOW)
    owned = {**data("k", new=True), "f:metadata": {"f:labels": {".": {}, "f:l": {}}}}
    assert out == [entry("kubectl", owned)]
    assert list(out[0]["fieldsV1"]) == ["f:data", "f:metadata"]


def test_a_create_of_nothing_but_a_name_has_no_owner() -> None:
    assert MAPS.update(None, config_map(), manager="m", now=NOW) == []


def test_a_manager_without_a_name() -> None:
    assert MAPS.update(None, config_map(k="1"), manager="", now=NOW)[0]["manager"] == "unknown"


def test_one_manager_has_one_entry() -> None:
    live = config_map([entry("m", data("k", new=True))], k="1")
    out = MAPS.update(live, config_map(k="2", j="1"), manager="m", now=LATER)
    assert out == [entry("m", data("j", "k", new=True), LATER)]


def test_another_manager_takes_what_it_changes() -> None:
    live = config_map([entry("m", data("j", "k", new=True))], j="1", k="1")
    out = MAPS.update(live, config_map(j="1", k="2"), manager="n", now=LATER)
    assert out == [entry("m", data("j", new=True)), entry("n", data("k"), LATER)]


def test_what_is_removed_has_no_owner() -> None:
    live = config_map([entry("m", data("k", new=True)), entry("o", data("j"))], j="1", k="1")
    assert MAPS.update(live, config_map(k="1"), manager="n", now=LATER) == [entry("m", data("k", new=True))]
    assert MAPS.update(live, config_map(), manager="n", now=LATER) == []


def test_a_write_that_changes_nothing_moves_no_time() -> None:
    entries = [entry("m", data("k", new=True))]
    live = config_map(entries, k="1")
    out = MAPS.update(live, config_map(k="1"), manager="m", now=LATER)
    assert out == entries
    assert out[0] is entries[0]
    assert MAPS.update(live, config_map(k="1"), manager="n", now=LATER) == entries


def test_entries_that_keep_their_fields_are_not_copied() -> None:
    entries = [entry("m", data("k", new=True)), entry("n", data("j"))]
    live = config_map(entries, j="1", k="1")
    out = MAPS.update(live, config_map(j="2", k="1"), manager="n", now=LATER)
    assert out[0] is entries[0]
    assert live["metadata"]["managedFields"] == entries


def test_an_object_without_owners_is_not_tracked_but_a_new_one_is() -> None:
    assert MAPS.update(config_map(k="1"), config_map(k="2"), manager="m", now=NOW) == []
    reset = config_map([], k="1")
    assert MAPS.update(None, reset, manager="m", now=NOW) == [entry("m", data("k", new=True))]


def test_a_client_resets_the_tracking() -> None:
    live = config_map([entry("m", data("k", new=True))], k="1")
    for given in ([], [{}]):
        assert MAPS.update(live, config_map(given, k="2"), manager="m", now=NOW) == []


def test_a_client_writes_entries_itself() -> None:
    live = config_map([entry("m", data("k", new=True))], k="1")
    hand = entry("hand", data("k"), "2020-01-01T00:00:00Z")
    assert MAPS.update(live, config_map([hand], k="1"), manager="m", now=LATER) == [hand]
    assert MAPS.update(live, config_map([hand], k="2"), manager="m", now=LATER) == [
        entry("m", data("k"), LATER)
    ]
    wrong = {**hand, "operation": "Frob"}
    assert MAPS.update(live, config_map([wrong], k="1"), manager="m", now=LATER) == [
        entry("m", data("k", new=True))
    ]


def test_entries_on_create() -> None:
    hand = entry("hand", data("k", "other"), "2020-01-01T00:00:00Z")
    assert MAPS.update(None, config_map([hand], k="1"), manager="m", now=NOW) == [
        entry("hand", data("other"), "2020-01-01T00:00:00Z"),
        entry("m", data("k", new=True)),
    ]


def test_eleven_managers() -> None:
    live = config_map([], k="0")
    entries = MAPS.update(None, live, manager="m00", now="2026-01-01T00:00:00Z")
    for i in range(1, 11):
        live = config_map(entries, **live["data"])
        new = config_map(**live["data"], **{f"x{i:02}": "1"})
        entries = MAPS.update(live, new, manager=f"m{i:02}", now=f"2026-01-01T00:00:{i:02}Z")
    assert [e["manager"] for e in entries] == ["ancient-changes"] + [f"m{i:02}" for i in range(2, 11)]
    assert entries[0]["fieldsV1"] == data("k", "x01", new=True)
    assert entries[0]["time"] == "2026-01-01T00:00:01Z"


def deployment(entries: list[Object] | None = None, **more: Any) -> Object:
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "d", "uid": "1", **({"managedFields": entries} if entries else {})},
        "spec": {
            "replicas": more.get("replicas", 1),
            "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {},
                "spec": {"containers": [{"name": "c", "image": more.get("image", "i:1")}]},
            },
            "strategy": {},
        },
        "status": more.get("status", {}),
    }


def test_fields_that_an_endpoint_does_not_write_have_no_owner() -> None:
    new = deployment(status={"replicas": 1})
    (made,) = DEPLOYMENTS.update(None, new, manager="m", now=NOW, reset_paths=STATUS)
    assert list(made["fieldsV1"]) == ["f:spec"]
    live = deployment([made])
    changed = deployment(replicas=2, status={"replicas": 1})
    out = DEPLOYMENTS.update(live, changed, manager="c", now=LATER, subresource="status", reset_paths=SPEC)
    assert out == [
        made,
        entry("c", {"f:status": {"f:replicas": {}}}, LATER, api_version="apps/v1", subresource="status"),
    ]


def test_a_subresource_takes_no_entries_from_its_body() -> None:
    (made,) = DEPLOYMENTS.update(None, deployment(), manager="m", now=NOW, reset_paths=STATUS)
    live = deployment([made])
    for given in ([], [{}], [entry("hand", {"f:spec": {}})]):
        body = deployment()
        body["metadata"]["managedFields"] = given
        assert DEPLOYMENTS.update(
            live, body, manager="m", now=LATER, subresource="status", reset_paths=SPEC
        ) == [made]


STRING = Type("", Kind.STRING)


def custom(list_type: str = "set") -> Type:
    items = Type("", Kind.LIST, element=STRING, list_type=list_type)
    spec = Type("", Kind.OBJECT, fields={"items": Field("items", items)})
    metadata = builtin_types().definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    fields = {"apiVersion": STRING, "kind": STRING, "metadata": metadata, "spec": spec}
    return Type(
        "", Kind.OBJECT, fields={name: Field(name, t, index=i) for i, (name, t) in enumerate(fields.items())}
    )


WIDGET = kind("example.com", "v1", "Widget")


def widget(entries: list[Object] | None = None, version: str = "v1", **spec: Any) -> Object:
    metadata: Object = {"name": "w", "uid": "1", **({"managedFields": entries} if entries else {})}
    return {"apiVersion": f"example.com/{version}", "kind": "Widget", "metadata": metadata, "spec": spec}


def test_a_custom_objects_spec_is_a_container_like_others() -> None:
    out = FieldManager(custom(), WIDGET).update(None, widget(items=["x"]), manager="m", now=NOW)
    assert [e["fieldsV1"] for e in out] == [{"f:spec": {".": {}, "f:items": {".": {}, 'v:"x"': {}}}}]


def test_what_cannot_be_compared_keeps_the_live_entries() -> None:
    fields = FieldManager(custom(), WIDGET)
    entries = fields.update(None, widget(items=["x"]), manager="m", now=NOW)
    assert (
        fields.update(widget(entries, items=["x"]), widget(items=[None]), manager="n", now=LATER) == entries
    )
    assert fields.update(None, widget(items=[None]), manager="n", now=LATER) == []


def test_a_type_that_became_atomic() -> None:
    entries = FieldManager(custom(), WIDGET).update(None, widget(items=["x"]), manager="m", now=NOW)
    fields = FieldManager(custom("atomic"), WIDGET, evolving=True)
    out = fields.update(widget(entries, items=["x"]), widget(items=["y"]), manager="n", now=LATER)
    assert [e["fieldsV1"] for e in out] == [{"f:spec": {}}, {"f:spec": {"f:items": {}}}]


def test_managers_of_other_versions() -> None:
    """v2 calls the field `things`; v0 is not served any more."""
    spec = Type("", Kind.OBJECT, fields={"things": Field("things", Type("", Kind.LIST, element=STRING))})
    second = custom()
    second.fields["spec"] = Field("spec", spec)

    def convert(obj: Object, api_version: str) -> tuple[Type, Object] | None:
        if api_version != "example.com/v2":
            return None
        return second, {**obj, "apiVersion": api_version, "spec": {"things": obj["spec"]["items"]}}

    live = widget(
        [
            entry("old", {"f:spec": {"f:gone": {}}}, api_version="example.com/v0"),
            entry("two", {"f:spec": {".": {}, "f:things": {}}}, api_version="example.com/v2"),
        ],
        items=["x"],
    )
    fields = FieldManager(custom(), WIDGET, convert)
    out = fields.update(live, widget(items=["y"]), manager="m", now=LATER)
    assert out == [
        entry("two", {"f:spec": {}}, api_version="example.com/v2"),
        entry("m", {"f:spec": {"f:items": {'v:"y"': {}}}}, LATER, api_version="example.com/v1"),
    ]


def test_a_conversion_that_fails_keeps_the_live_entries() -> None:
    def convert(obj: Object, api_version: str) -> tuple[Type, Object] | None:
        raise status.plain_error("conversion webhook failed")

    entries = [entry("two", {"f:spec": {"f:things": {}}}, api_version="example.com/v2")]
    fields = FieldManager(custom(), WIDGET, convert)
    assert fields.update(widget(entries, items=["x"]), widget(items=["y"]), manager="m", now=LATER) == entries
