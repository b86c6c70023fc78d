"""Owners of replicas, on the workload and on its Scale."""

from __future__ import annotations

from typing import Any

from sekisho.api.types import Object
from sekisho.registry.scalefields import to_parent, to_scale

PATHS = {"apps/v1": ("spec", "replicas"), "apps/v2": ("spec", "count"), "apps/v3": None}


def entry(manager: str, fields: Any, version: str = "apps/v1", **more: str) -> Object:
    return {
        "manager": manager,
        "operation": more.get("operation", "Apply"),
        "apiVersion": version,
        **({"time": more["time"]} if "time" in more else {}),
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {f"f:{name}": {} for name in fields}},
        **({"subresource": more["subresource"]} if "subresource" in more else {}),
    }


def scale(manager: str, **more: str) -> Object:
    return entry(manager, ["replicas"], "autoscaling/v1", **more)


def test_a_scale_shows_who_owns_the_replicas() -> None:
    entries = [
        entry("a", ["replicas", "selector"], time="2026-01-02T03:04:05Z"),
        entry("b", ["count"], "apps/v2"),
        entry("c", ["replicas"], subresource="scale", operation="Update"),
        entry("no", ["selector"]),
        entry("no", ["replicas"], "apps/v3"),
        entry("no", ["replicas"], "apps/v9"),
    ]
    assert to_scale(entries, PATHS) == [
        scale("b"),
        scale("a", time="2026-01-02T03:04:05Z"),
        scale("c", subresource="scale", operation="Update"),
    ]


def test_a_scaler_takes_the_replicas() -> None:
    taken = scale("hpa", operation="Update", subresource="scale", time="2026-01-02T03:04:05Z")
    assert to_parent([entry("a", ["replicas", "selector"])], [taken], PATHS, "apps/v1") == [
        entry("a", ["selector"]),
        entry("hpa", ["replicas"], operation="Update", subresource="scale"),
    ]


def test_an_owner_that_loses_all_vanishes() -> None:
    taken = scale("hpa", operation="Update", subresource="scale")
    assert to_parent([entry("a", ["replicas"])], [taken], PATHS, "apps/v1") == [
        entry("hpa", ["replicas"], operation="Update", subresource="scale")
    ]


def test_owners_that_keep_the_replicas_keep_their_entries() -> None:
    entries = [
        entry("a", ["replicas", "selector"]),
        entry("b", ["replicas"], operation="Update", time="2026-01-02T03:04:05Z"),
    ]
    assert to_parent(entries, to_scale(entries, PATHS), PATHS, "apps/v1") == entries


def test_other_versions() -> None:
    entries = [
        entry("one", ["count", "selector"], "apps/v2"),
        entry("two", ["count"], "apps/v3"),
        entry("three", ["selector"], "apps/v9"),
    ]
    taken = scale("hpa", operation="Update", subresource="scale")
    assert to_parent(entries, [taken], PATHS, "apps/v2") == [
        entry("one", ["selector"], "apps/v2"),
        entry("two", ["count"], "apps/v3"),
        entry("hpa", ["count"], "apps/v2", operation="Update", subresource="scale"),
    ]
    assert to_parent([], [taken], PATHS, "apps/v3") == []


def test_a_scale_entry_that_does_not_own_the_replicas_is_nothing() -> None:
    other = entry("hpa", ["other"], "autoscaling/v1", operation="Update", subresource="scale")
    assert to_parent([entry("a", ["selector"])], [other], PATHS, "apps/v1") == [entry("a", ["selector"])]
