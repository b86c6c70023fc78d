"""Defaults of roles and bindings: the API group that roleRef and user and group subjects leave out."""

from __future__ import annotations

from sekisho.api.rbac import GROUP, USER, USER_GROUP
from sekisho.api.types import Object


def set_defaults_role(obj: Object) -> None:
    """A Role or ClusterRole: `rules` is there even when it is null, before the aggregation rule."""
    if "rules" not in obj:
        obj["rules"] = None
        if "aggregationRule" in obj:
            obj["aggregationRule"] = obj.pop("aggregationRule")


def set_defaults_binding(obj: Object) -> None:
    """A RoleBinding or ClusterRoleBinding."""
    obj["roleRef"] = _with_group(obj.get("roleRef") or {}, ("apiGroup", "kind", "name"))
    if obj.get("subjects"):
        obj["subjects"] = [
            _with_group(subject, ("kind", "apiGroup", "name", "namespace"))
            if subject.get("kind") in (USER, USER_GROUP)
            else subject
            for subject in obj["subjects"]
        ]


def _with_group(reference: Object, order: tuple[str, ...]) -> Object:
    """The reference with its group, in the order of its struct."""
    if reference.get("apiGroup"):
        return reference
    filled = {**reference, "apiGroup": GROUP}
    return {key: filled[key] for key in order if key in filled}
