"""Server-side apply: owning, sharing, giving up, conflicts, pruning across versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.status import StatusError
from sekisho.api.types import GroupVersionKind, Object
from sekisho.registry.fieldmanager import FieldManager
from sekisho.schema import fieldset
from sekisho.schema.builtin import builtin_types
from sekisho.schema.typed import field_set
from sekisho.schema.typedcompare import compare
from sekisho.schema.types import Field, Kind, Type

NOW = "2026-01-02T03:04:05Z"
LATER = "2026-01-02T03:04:06Z"

MAP_KIND = GroupVersionKind("", "v1", "ConfigMap")
MAPS = FieldManager(builtin_types().for_kind(MAP_KIND), MAP_KIND)
DEPLOYMENT_KIND = GroupVersionKind("apps", "v1", "Deployment")
DEPLOYMENTS = FieldManager(builtin_types().for_kind(DEPLOYMENT_KIND), DEPLOYMENT_KIND)


def config(labels: Any = None, **data: Any) -> Object:
    metadata: Object = {"name": "a", **({"labels": labels} if labels is not None else {})}
    out: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    return {**out, "data": data} if data else out


def apply(live: Object | None, body: Object, manager: str = "one", **more: Any) -> Object:
    return MAPS.apply(live, body, manager=manager, now=more.pop("now", NOW), **more)


def owned(obj: Object) -> dict[str, Any]:
    return {e["manager"]: e["fieldsV1"] for e in obj["metadata"].get("managedFields", [])}


def times(obj: Object) -> dict[str, Any]:
    return {e["manager"]: e.get("time") for e in obj["metadata"].get("managedFields", [])}


def refused(live: Object | None, body: Object, manager: str = "two", **more: Any) -> StatusError:
    with pytest.raises(StatusError) as caught:
        apply(live, body, manager, **more)
    return caught.value


def test_apply_creates() -> None:
    out = apply(None, config({"l": "1"}, x="1", y="1"))
    assert out == {
        **config({"l": "1"}, x="1", y="1"),
        "metadata": {
            "name": "a",
            "labels": {"l": "1"},
            "managedFields": [
                {
                    "manager": "one",
                    "operation": "Apply",
                    "apiVersion": "v1",
                    "time": NOW,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {
                        "f:data": {"f:x": {}, "f:y": {}},
                        "f:metadata": {"f:labels": {"f:l": {}}},
                    },
                }
            ],
        },
    }


def test_applying_only_a_name_owns_nothing() -> None:
    assert "managedFields" not in apply(None, config())["metadata"]
    live = apply(None, config(x="1"))
    assert owned(apply(live, config(), "two")) == owned(live)


def test_the_same_again_changes_nothing() -> None:
    live = apply(None, config(x="1"))
    assert apply(live, config(x="1"), now=LATER) == live


def test_managers_share_and_give_up() -> None:
    live = apply(None, config({"l": "1"}, x="1", y="1"))
    live = apply(live, config(z="2", x="1"), "two")
    assert live["data"] == {"x": "1", "y": "1", "z": "2"}
    assert owned(live)["two"] == {"f:data": {"f:x": {}, "f:z": {}}}
    live = apply(live, config({"l": "1"}, x="1"))
    assert live["data"] == {"x": "1", "z": "2"}
    live = apply(live, config({"l": "1"}))
    assert live["data"] == {"x": "1", "z": "2"}
    live = apply(live, config(z="2"), "two")
    assert live["data"] == {"z": "2"}
    live = apply(live, config())
    assert live["data"] == {"z": "2"}
    assert not live["metadata"].get("labels")
    assert owned(live) == {"two": {"f:data": {"f:z": {}}}}


def test_sharing_what_is_there_has_no_time_until_something_changes() -> None:
    live = apply(None, config(x="1"))
    live = apply(live, config(x="1"), "two", now=LATER)
    assert times(live) == {"one": NOW, "two": None}
    live = apply(live, config(x="1", y="1"), "two", now=LATER)
    assert times(live) == {"one": NOW, "two": LATER}


def test_one_conflict() -> None:
    error = refused(apply(None, config(x="1", y="1")), config(x="2"))
    assert error.to_object() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'Apply failed with 1 conflict: conflict with "one": .data.x',
        "reason": "Conflict",
        "details": {
            "causes": [
                {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.x"}
            ]
        },
        "code": 409,
    }


def test_several_conflicts_are_told_by_manager() -> None:
    live = apply(None, config({"l": "1"}, x="1", y="1"))
    entries = MAPS.update(
        live, {**live, "data": {"x": "9", "y": "1"}}, manager="zeta", now=NOW, subresource="status"
    )
    live = {**live, "data": {"x": "9", "y": "1"}, "metadata": {**live["metadata"], "managedFields": entries}}
    error = refused(live, config({"l": "2"}, x="2", y="2"))
    assert error.message == (
        'Apply failed with 3 conflicts: conflicts with "one":\n- .data.y\n- .metadata.labels.l\n'
        'conflicts with "zeta" with subresource "status" using v1:\n- .data.x'
    )
    assert [cause["field"] for cause in (error.details or {})["causes"]] == [
        ".data.y",
        ".metadata.labels.l",
        ".data.x",
    ]


def test_force_takes_the_field_and_an_equal_value_is_no_conflict() -> None:
    live = apply(apply(None, config(x="1", y="1")), config(x="2"), "two", force=True, now=LATER)
    assert live["data"] == {"x": "2", "y": "1"}
    assert owned(live) == {"one": {"f:data": {"f:y": {}}}, "two": {"f:data": {"f:x": {}}}}
    assert refused(live, config(x="1", y="1"), "one").message.endswith('conflict with "two": .data.x')
    assert owned(apply(live, config(x="2", y="1")))["one"] == {"f:data": {"f:x": {}, "f:y": {}}}


def test_an_owner_that_is_left_with_nothing_vanishes() -> None:
    live = apply(apply(None, config(x="1")), config(x="2"), "two", force=True)
    assert list(owned(live)) == ["two"]


def test_a_manager_conflicts_with_its_own_updates() -> None:
    live: Object = config(x="1")
    live["metadata"]["managedFields"] = MAPS.update(None, live, manager="m", now=NOW)
    assert refused(live, config(x="2"), "m").message == (
        'Apply failed with 1 conflict: conflict with "m" using v1: .data.x'
    )


def test_the_first_apply_finds_an_owner_for_what_was_there() -> None:
    live = {**config({"q": "r"}, n="5"), "metadata": {"name": "a", "uid": "1", "labels": {"q": "r"}}}
    out = apply(live, config(n="5"), "two")
    assert owned(out) == {
        "before-first-apply": {
            "f:data": {".": {}, "f:n": {}},
            "f:metadata": {"f:labels": {".": {}, "f:q": {}}},
        },
        "two": {"f:data": {"f:n": {}}},
    }
    assert times(out) == {"before-first-apply": NOW, "two": None}


def test_a_map_whose_container_another_owns_stays() -> None:
    live = config({"a": "1"})
    live["metadata"]["managedFields"] = MAPS.update(None, live, manager="m", now=NOW)
    live = apply(live, config({"a": "1", "b": "2"}), "two")
    live = apply(live, config({"b": "2"}), "two")
    assert live["metadata"]["labels"] == {"a": "1", "b": "2"}
    live = apply(live, config(), "two")
    assert live["metadata"]["labels"] == {"a": "1"}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, 400, "invalid object type: /, Kind="),
        ({"kind": "ConfigMap"}, 400, "invalid object type: /, Kind=ConfigMap"),
        ({"apiVersion": "v1"}, 400, "invalid object type: /v1, Kind="),
        ({"apiVersion": "v2", "kind": "ConfigMap"}, 400, "invalid object type: /v2, Kind=ConfigMap"),
        ({"apiVersion": "apps/v1", "kind": "X"}, 400, "invalid object type: apps/v1, Kind=X"),
        ({"apiVersion": "a/b/c", "kind": "X"}, 400, "invalid object type: /, Kind="),
        ({"apiVersion": 1, "kind": ["X"]}, 400, "invalid object type: /, Kind="),
        (
            {**config(), "metadata": {"name": "a", "managedFields": []}},
            400,
            "metadata.managedFields must be nil",
        ),
        (
            {**config(), "surplus": 1},
            500,
            "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .surplus: field not declared in schema",
        ),
        (
            {**config(k=5), "metadata": {"name": "a", "namespace": "n"}},
            500,
            "failed to create typed patch object (n/a; /v1, Kind=ConfigMap): .data.k: expected string, got "
            "&value.valueUnstructured{Value:5}",
        ),
        (
            {**config(), "metadata": "x"},
            500,
            "failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata: expected map, got &{x}",
        ),
    ],
)
def test_bodies_that_are_refused(body: Object, code: int, message: str) -> None:
    error = refused(None, body)
    assert (error.code, error.message) == (code, message)
    assert error.reason == ("BadRequest" if code == 400 else "")


def test_null_managed_fields_are_none() -> None:
    body = config(x="1")
    body["metadata"]["managedFields"] = None
    assert apply(None, body)["data"] == {"x": "1"}


def deployment(**spec: Any) -> Object:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def containers(*found: Object) -> Object:
    return {"template": {"spec": {"containers": list(found)}}}


def test_items_merge_by_key_and_conflicts_name_them() -> None:
    live: Object = {
        **deployment(replicas=2, **containers({"name": "main", "image": "i:1"})),
        "metadata": {"name": "d", "uid": "1"},
    }
    live["metadata"]["managedFields"] = DEPLOYMENTS.update(None, live, manager="maker", now=NOW)
    body = deployment(
        replicas=3, **containers({"name": "main", "image": "i:2", "ports": [{"containerPort": 80}]})
    )
    with pytest.raises(StatusError) as caught:
        DEPLOYMENTS.apply(live, body, manager="one", now=NOW)
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "maker" using apps/v1:\n- .spec.replicas\n'
        '- .spec.template.spec.containers[name="main"].image'
    )
    out = DEPLOYMENTS.apply(
        live,
        deployment(**containers({"name": "side", "image": "s"}, {"name": "main", "image": "i:1"})),
        manager="one",
        now=NOW,
    )
    assert [c["name"] for c in out["spec"]["template"]["spec"]["containers"]] == ["side", "main"]
    assert owned(out)["one"]["f:spec"]["f:template"]["f:spec"]["f:containers"] == {
        'k:{"name":"main"}': {".": {}, "f:image": {}, "f:name": {}},
        'k:{"name":"side"}': {".": {}, "f:image": {}, "f:name": {}},
    }
    out = DEPLOYMENTS.apply(out, deployment(), manager="one", now=NOW)
    assert out["spec"]["template"]["spec"]["containers"] == [{"name": "main", "image": "i:1"}]


def test_an_item_goes_with_what_others_wrote_into_it() -> None:
    """Only the item itself counts: who adds a field to it does not own it."""
    live = DEPLOYMENTS.apply(
        None, deployment(**containers({"name": "c", "image": "i"})), manager="one", now=NOW
    )
    changed = {**live, "spec": containers({"name": "c", "image": "i", "workingDir": "/x"})}
    entries = DEPLOYMENTS.update(live, changed, manager="other", now=NOW)
    live = {**changed, "metadata": {**live["metadata"], "managedFields": entries}}
    out = DEPLOYMENTS.apply(live, deployment(replicas=1), manager="one", now=NOW)
    assert not out["spec"]["template"]["spec"]["containers"]
    assert list(owned(out)) == ["one"]


def test_reset_fields_have_no_owner_and_no_conflicts() -> None:
    status = (("status",),)
    body = {**deployment(replicas=1), "status": {"replicas": 5}}
    live = DEPLOYMENTS.apply(None, body, manager="one", now=NOW, reset_paths=status)
    assert owned(live) == {"one": {"f:spec": {"f:replicas": {}}}}
    out = DEPLOYMENTS.apply(
        live,
        {**deployment(replicas=7), "status": {"replicas": 1}},
        manager="two",
        now=NOW,
        subresource="status",
        reset_paths=(("spec",),),
    )
    assert owned(out) == {"one": {"f:spec": {"f:replicas": {}}}, "two": {"f:status": {"f:replicas": {}}}}
    (entry,) = (e for e in out["metadata"]["managedFields"] if e["manager"] == "two")
    assert entry["subresource"] == "status"


def test_live_objects_are_never_changed() -> None:
    live = apply(None, config({"l": "1"}, x="1", y="1"))
    before = repr(live)
    apply(live, config({"l": "2"}, x="2"), "two", force=True)
    apply(live, config(), "one")
    assert repr(live) == before


STRING = Type("", Kind.STRING)


def struct(fields: dict[str, Type]) -> Type:
    return Type("", Kind.OBJECT, fields={n: Field(n, t, index=i) for i, (n, t) in enumerate(fields.items())})


def widget_type(name: str) -> Type:
    item = struct({"k": STRING, "v": STRING, "w": STRING})
    spec = struct(
        {
            name: STRING,
            "set": Type("", Kind.LIST, element=STRING, list_type="set"),
            "atomic": Type("", Kind.LIST, element=STRING),
            "map": Type("", Kind.LIST, element=item, list_type="map", list_map_keys=("k",)),
            "labels": Type("", Kind.MAP, element=STRING),
            "whole": Type("", Kind.MAP, element=STRING, map_type="atomic"),
            "free": Type("", Kind.ANY),
        }
    )
    metadata = builtin_types().definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    return struct({"apiVersion": STRING, "kind": STRING, "metadata": metadata, "spec": spec})


WIDGETS = {"example.com/v1": widget_type("a"), "example.com/v2": widget_type("renamed")}
FIELD = {"example.com/v1": "a", "example.com/v2": "renamed"}


def convert(obj: Object, api_version: str) -> tuple[Type, Object] | None:
    if api_version not in WIDGETS:
        return None
    names = {FIELD[obj["apiVersion"]]: FIELD[api_version]}
    spec = {names.get(key, key): value for key, value in (obj.get("spec") or {}).items()}
    return WIDGETS[api_version], {**obj, "apiVersion": api_version, "spec": spec}


def fields_of(version: str) -> FieldManager:
    found = GroupVersionKind("example.com", version, "Widget")
    return FieldManager(WIDGETS[found.api_version], found, convert, evolving=True)


WIDGET = fields_of("v1")


def widget(spec: Any, version: str = "v1") -> Object:
    return {"apiVersion": f"example.com/{version}", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def test_conflicts_on_members_atoms_and_items() -> None:
    live = WIDGET.apply(
        None,
        widget({"atomic": ["p"], "whole": {"x": "1"}, "map": [{"k": "2", "v": "v"}], "set": ["x"]}),
        manager="one",
        now=NOW,
    )
    body = widget({"atomic": ["r"], "whole": {"y": "1"}, "map": [{"k": "2", "v": "w"}], "set": ["x", "y"]})
    with pytest.raises(StatusError) as caught:
        WIDGET.apply(live, body, manager="two", now=NOW)
    assert caught.value.message == (
        'Apply failed with 3 conflicts: conflicts with "one":\n- .spec.atomic\n- .spec.whole\n'
        '- .spec.map[k="2"].v'
    )


def test_managers_that_used_another_version() -> None:
    first, second = fields_of("v1"), fields_of("v2")
    live = first.apply(None, widget({"a": "1", "set": ["x"]}), manager="one", now=NOW)
    found = convert(live, "example.com/v2")
    assert found is not None
    live = found[1]
    with pytest.raises(StatusError, match=r'conflict with "one": .spec.a$'):
        second.apply(live, widget({"renamed": "2"}, "v2"), manager="two", now=NOW)
    shared = second.apply(live, widget({"renamed": "1"}, "v2"), manager="two", now=NOW)
    assert owned(shared) == {
        "one": {"f:spec": {"f:a": {}, "f:set": {'v:"x"': {}}}},
        "two": {"f:spec": {"f:renamed": {}}},
    }
    less = second.apply(shared, widget({}, "v2"), manager="one", now=LATER)
    assert less["spec"] == {"renamed": "1"}
    assert owned(less) == {"two": {"f:spec": {"f:renamed": {}}}} | {"one": {"f:spec": {}}}
    none = second.apply(less, widget({}, "v2"), manager="two", now=LATER)
    assert not none["spec"]


def test_entries_of_versions_that_are_gone_are_dropped() -> None:
    live = WIDGET.apply(None, widget({"a": "1"}), manager="one", now=NOW)
    gone = {**live["metadata"]["managedFields"][0], "apiVersion": "example.com/v0", "manager": "old"}
    live["metadata"]["managedFields"].append(gone)
    assert list(owned(WIDGET.apply(live, widget({"a": "1"}), manager="two", now=NOW))) == ["two", "one"]


TEXT = st.sampled_from(["1", "2", "3"])
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "a": TEXT,
        "set": st.lists(TEXT, unique=True, min_size=1),
        "atomic": st.lists(TEXT),
        "map": st.lists(
            st.fixed_dictionaries({"k": TEXT}, optional={"v": TEXT, "w": TEXT}),
            unique_by=lambda item: item["k"],
            min_size=1,
        ),
        "labels": st.dictionaries(TEXT, TEXT, min_size=1),
        "whole": st.dictionaries(TEXT, TEXT),
        "free": st.dictionaries(TEXT, st.dictionaries(TEXT, TEXT, min_size=1), min_size=1),
    },
)
BODIES = SPECS.filter(bool).map(widget)
TYPE = WIDGETS["example.com/v1"]


def two(live: Object | None, body: Object, manager: str, *, force: bool = True) -> Object:
    return WIDGET.apply(live, body, manager=manager, now=NOW, force=force)


@given(BODIES, BODIES)
def test_applying_twice_is_applying_once(first: Object, second: Object) -> None:
    live = two(two(None, first, "one"), second, "two")
    assert two(live, second, "two") == live
    assert WIDGET.apply(live, second, manager="two", now=LATER) == live


@given(BODIES, BODIES)
def test_dropping_all_removes_exactly_what_was_owned_alone(first: Object, second: Object) -> None:
    live = two(two(None, first, "one"), second, "two", force=True)
    owned_by_two = owned(live)["two"]
    left = two(live, widget({"a": "keep"}), "two")
    removed = compare(TYPE, live, left).removed
    others = owned(live).get("one", {})
    assert fieldset.intersection(removed, others) == {}
    gone = fieldset.difference(fieldset.difference(owned_by_two, others), fieldset.make([("f:spec", "f:a")]))
    present = field_set(TYPE, left)
    for path in fieldset.paths(fieldset.leaves(gone)):
        below_other = any(q[: len(path)] == path for q in fieldset.paths(others))
        assert below_other or not fieldset.has(present, path)


@given(BODIES, BODIES, BODIES)
def test_what_a_manager_never_owned_stays(first: Object, second: Object, third: Object) -> None:
    live = two(two(None, first, "one"), second, "two")
    try:
        after = two(live, third, "two", force=False)
    except StatusError:
        return
    untouched = fieldset.difference(owned(live).get("one", {}), owned(live)["two"])
    changed = compare(TYPE, live, after)
    for part in changed:
        assert fieldset.intersection(part, untouched) == {}


@given(BODIES, BODIES)
def test_a_conflict_is_what_force_takes(first: Object, second: Object) -> None:
    live = two(None, first, "one")
    forced = two(live, second, "two")
    taken = fieldset.difference(owned(live)["one"], owned(forced).get("one", {}))
    try:
        assert two(live, second, "two", force=False) == forced
        assert taken == {}
    except StatusError as error:
        fields = {cause["field"] for cause in (error.details or {})["causes"]}
        assert fields == {fieldset.path_text(path) for path in fieldset.paths(taken)}
