"""Entries of managedFields: reading, capping, ordering, and times that alone make no new version."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.registry import managedfields
from sekisho.registry.managedfields import ANCIENT, Owner

HAND = {
    "manager": "hand",
    "operation": "Update",
    "apiVersion": "v1",
    "time": "2020-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {"f:k": {}}},
}


def owner(manager: str, time: str = "", *, api_version: str = "v1", fields: Any = None, **more: Any) -> Owner:
    return Owner(
        manager,
        more.get("operation", "Update"),
        api_version,
        more.get("subresource", ""),
        fields or {f"f:{manager}": {}},
        time,
    )


def owners(*found: Owner) -> managedfields.Owners:
    return {o.identity: o for o in found}


def test_an_apply_manager_is_one_whatever_its_version() -> None:
    assert owner("a", api_version="v1", operation="Apply").identity == (
        owner("a", api_version="v2", operation="Apply").identity
    )
    assert owner("a", api_version="v1").identity != owner("a", api_version="v2").identity
    assert owner("a").identity != owner("a", subresource="status").identity


def test_identifiers_are_upstreams() -> None:
    assert owner("a<b", subresource="status").identity.text == (
        '{"manager":"a\\u003cb","operation":"Update","apiVersion":"v1","subresource":"status"}'
    )
    assert owner("a", operation="Apply").identity.text == '{"manager":"a","operation":"Apply"}'


def test_stored_entries_are_handed_on_as_they_are() -> None:
    read = managedfields.stored_owners([HAND])
    assert managedfields.to_entries(read)[0] is HAND
    (one,) = read.values()
    assert one.owning(one.fields) is one
    assert one.at("2020-01-01T00:00:00Z") is one
    changed = one.owning({"f:data": {"f:j": {}}}).at("2021-01-01T00:00:00Z").to_object()
    assert changed == {**HAND, "time": "2021-01-01T00:00:00Z", "fieldsV1": {"f:data": {"f:j": {}}}}
    assert list(changed) == list(HAND)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operation": "Frob"}, "operation must be `Apply` or `Update`"),
        ({"operation": ""}, "operation must be `Apply` or `Update`"),
        ({"apiVersion": ""}, "apiVersion must not be empty"),
        ({"fieldsType": ""}, "missing fieldsType in managed fields entry 1"),
        ({"fieldsType": "FieldsV2"}, 'invalid fieldsType "FieldsV2" in managed fields entry 1'),
        ({"fieldsV1": {"data": {}}}, "error decoding versioned set: error decoding set: missing colon: data"),
    ],
)
def test_entries_that_a_client_cannot_send(change: Any, message: str) -> None:
    entries = [HAND, {**HAND, **change}]
    assert managedfields.problem(entries) == message
    assert managedfields.problem([HAND]) == ""
    live = {"metadata": {"managedFields": [HAND]}}
    kept = managedfields.owners_for_update(live, {"metadata": {"managedFields": entries[1:]}}, "")
    assert managedfields.to_entries(kept) == [HAND]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [HAND]),
        ([], []),
        ([{}], []),
        ([{}, {}], [HAND]),
        ([{**HAND, "manager": "other"}], [{**HAND, "manager": "other"}]),
        ([HAND, {**HAND, "fieldsV1": {"f:x": {}}}], [{**HAND, "fieldsV1": {"f:x": {}}}]),
    ],
)
def test_what_a_write_starts_from(given: Any, expected: Any) -> None:
    live = {"metadata": {"managedFields": [HAND]}}
    new = {"metadata": {} if given is None else {"managedFields": given}}
    assert managedfields.to_entries(managedfields.owners_for_update(live, new, "")) == expected
    assert managedfields.to_entries(managedfields.owners_for_update(live, new, "status")) == [HAND]


def test_order_of_entries() -> None:
    found = [
        owner("z", "2020-01-01T00:00:00Z", operation="Apply"),
        owner("a", "2021-01-01T00:00:00Z", operation="Apply"),
        owner("late", ""),
        owner("a", "2020-01-01T00:00:00Z", api_version="v1"),
        owner("a", "2020-01-01T00:00:00Z", api_version="v1", subresource="status"),
        owner("a", "2020-01-01T00:00:00Z", api_version="v2"),
        owner("b", "2020-01-01T00:00:00Z"),
        owner("a", "2021-01-01T00:00:00Z", api_version="v0"),
    ]
    out = managedfields.to_entries(owners(*reversed(found)))
    assert out == [o.to_object() for o in found]


def test_ten_update_managers_are_kept() -> None:
    ten = owners(*(owner(f"m{i}", f"2020-01-0{i}T00:00:00Z") for i in range(10)))
    assert managedfields.cap(ten) is ten
    applied = owners(*ten.values(), owner("x", operation="Apply"))
    assert managedfields.cap(applied) is applied


def test_the_oldest_update_managers_are_merged_by_version() -> None:
    found = [owner(f"m{i:02}", f"2020-01-{i + 1:02}T00:00:00Z") for i in range(11)]
    out = managedfields.cap(owners(*found))
    assert len(out) == 10
    assert out[owner(ANCIENT).identity] == owner(
        ANCIENT, "2020-01-02T00:00:00Z", fields={"f:m00": {}, "f:m01": {}}
    )
    again = managedfields.cap({**out, owner("n").identity: owner("n", "2021-01-01T00:00:00Z")})
    assert len(again) == 10
    assert again[owner(ANCIENT).identity].fields == {"f:m00": {}, "f:m01": {}, "f:m02": {}}
    assert again[owner(ANCIENT).identity].time == "2020-01-03T00:00:00Z"


def test_each_version_has_its_own_bucket() -> None:
    found = [
        owner(f"m{i:02}", f"2020-01-{i + 1:02}T00:00:00Z", api_version="v1" if i % 2 else "v2")
        for i in range(12)
    ]
    out = managedfields.cap(owners(*found))
    assert len(out) == 10
    assert out[owner(ANCIENT, api_version="v2").identity].fields == {"f:m00": {}, "f:m02": {}}
    assert out[owner(ANCIENT, api_version="v1").identity].fields == {"f:m01": {}, "f:m03": {}}


def test_a_write_that_only_moves_times_is_none() -> None:
    live = {"metadata": {"name": "a", "managedFields": [HAND]}, "data": {"k": "1"}}
    later = {**HAND, "time": "2021-01-01T00:00:00Z"}
    new = {"metadata": {"name": "a", "managedFields": [later]}, "data": {"k": "1"}}
    assert managedfields.keep_times(live, new) == live
    changed = {**new, "data": {"k": "2"}}
    assert managedfields.keep_times(live, changed) is changed
    taken = {**new, "metadata": {"name": "a", "managedFields": [{**later, "manager": "x"}]}}
    assert managedfields.keep_times(live, taken) is taken
    more = {**new, "metadata": {"name": "a", "managedFields": [HAND, later]}}
    assert managedfields.keep_times(live, more) is more
    assert managedfields.keep_times(live, live) is live


def test_the_empty_list_survives_decoding() -> None:
    decoded: Any = {"metadata": {"name": "a"}}
    managedfields.keep_reset({"metadata": {"managedFields": []}}, decoded)
    assert decoded == {"metadata": {"name": "a", "managedFields": []}}
    for raw in (
        {},
        {"metadata": None},
        {"metadata": {"managedFields": None}},
        {"metadata": {"managedFields": [{}]}},
    ):
        other: Any = {"metadata": {}}
        managedfields.keep_reset(raw, other)
        assert other == {"metadata": {}}
