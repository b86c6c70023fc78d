"""Objects as bytes: compact JSON the way upstream writes it, and upstream's order of metadata keys."""

from __future__ import annotations

from typing import Any

import orjson

from sekisho.api.goformat import html_escape
from sekisho.api.types import Object

METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def encode(value: Any) -> bytes:
    """Compact JSON with `<`, `>` and `&` escaped, no trailing newline."""
    return html_escape(orjson.dumps(value))


def copy(value: Any) -> Any:
    """A deep copy of a JSON value; several times as quick as copy.deepcopy."""
    return orjson.loads(orjson.dumps(value))


def order_metadata(metadata: Object) -> Object:
    """A new dict with upstream's key order; keys it does not know go last."""
    out = {k: metadata[k] for k in METADATA_ORDER if k in metadata}
    if len(out) != len(metadata):
        out.update((k, v) for k, v in metadata.items() if k not in out)
    return out


def go_order(obj: Object) -> Object:
    """A new top-level dict that begins with kind, apiVersion and metadata (in order), then the rest as it is."""
    out: Object = {"kind": obj.get("kind", ""), "apiVersion": obj.get("apiVersion", "")}
    out["metadata"] = order_metadata(obj.get("metadata") or {})
    for key, value in obj.items():
        if key not in out:
            out[key] = value
    return out
