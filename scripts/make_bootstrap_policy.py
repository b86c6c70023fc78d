"""Make src/sekisho/authz/data/bootstrap-rbac.json from a YAML list of the default RBAC objects.

Usage: python scripts/make_bootstrap_policy.py bootstrap-rbac.yaml

The YAML is what `kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml` shows of a
fresh cluster, without what the server fills in (uid, times, managed fields, aggregated rules).
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import yaml

TARGET = Path(__file__).parent.parent / "src/sekisho/authz/data/bootstrap-rbac.json"
RULE_KEYS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
KEYS = ("kind", "apiVersion", "metadata", "rules", "aggregationRule", "subjects", "roleRef")
KINDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def ordered(obj: dict[str, object], keys: tuple[str, ...]) -> dict[str, object]:
    unknown = set(obj) - set(keys)
    if unknown:
        raise SystemExit(f"unexpected fields {sorted(unknown)} in {obj}")
    return {key: obj[key] for key in keys if key in obj}


def convert(obj: dict[str, object]) -> dict[str, object]:
    out = ordered(obj, KEYS)
    if "rules" in out:
        out["rules"] = [ordered(rule, RULE_KEYS) for rule in out["rules"] or []]
    return out


def main(source: str) -> None:
    objects = [convert(obj) for obj in yaml.safe_load(Path(source).read_text())]
    objects.sort(key=lambda obj: KINDS.index(obj["kind"]))
    lines = b",\n".join(orjson.dumps(obj) for obj in objects)
    TARGET.write_bytes(b"[\n" + lines + b"\n]\n")
    print(f"{len(objects)} objects")


if __name__ == "__main__":
    main(sys.argv[1])
