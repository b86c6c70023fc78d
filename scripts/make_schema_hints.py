"""Make src/sekisho/schema/data/schema-hints.json: what the OpenAPI definitions add to Go's structs.

    python scripts/make_schema_hints.py > src/sekisho/schema/data/schema-hints.json

Read from the installed kubernetes-validate. The definitions are 1.6 MB of mostly prose; what types need of them is
kept here, so that a server does not read the whole at every start. A test compares the two.

Output: `{NAME: {"required": [...], "map_type": "...", "fields": {field: {...}}}}`, empty parts left out.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sekisho.schema.builtin import data_file, raw_definitions

EXTENSIONS = {
    "x-kubernetes-list-type": "list_type",
    "x-kubernetes-list-map-keys": "list_map_keys",
    "x-kubernetes-map-type": "map_type",
    "x-kubernetes-patch-strategy": "patch_strategy",
    "x-kubernetes-patch-merge-key": "patch_merge_key",
    "default": "default",
}


def hints(definition: dict[str, Any]) -> dict[str, Any]:
    """The hints of one definition; empty when it has none."""
    fields = {
        name: found
        for name, schema in definition.get("properties", {}).items()
        if (found := {new: schema[old] for old, new in EXTENSIONS.items() if old in schema})
    }
    out = {
        "required": definition.get("required"),
        "map_type": definition.get("x-kubernetes-map-type"),
        "fields": fields,
    }
    return {k: v for k, v in out.items() if v}


def main() -> None:
    structs = json.loads(data_file("go-fields.json"))["structs"]
    found = {name: hints(d) for name, d in sorted(raw_definitions().items()) if name in structs}
    json.dump({k: v for k, v in found.items() if v}, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
