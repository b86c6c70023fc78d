"""ClusterRoles for what Sekisho adds to the API. They are bound to nobody and aggregated to nothing: passages tell
of everybody's requests, so reading them is granted on purpose or not at all.
"""

from __future__ import annotations

from sekisho.api.rbac import CLUSTER_ROLE
from sekisho.api.types import Object

PASSAGE_READER = "sekisho:passage-reader"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {"rbac.authorization.kubernetes.io/autoupdate": "true"}


def own_roles() -> list[Object]:
    """New objects on each call, to be reconciled with the bootstrap policy."""
    reads = {
        "verbs": ["get", "list", "watch"],
        "apiGroups": ["explain.sekisho.dev"],
        "resources": ["passages"],
    }
    return [_role(PASSAGE_READER, [reads])]


def _role(name: str, rules: list[Object]) -> Object:
    metadata = {"name": name, "labels": dict(_LABELS), "annotations": dict(_ANNOTATIONS)}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": CLUSTER_ROLE,
        "metadata": metadata,
        "rules": rules,
    }
