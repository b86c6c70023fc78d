"""Nodes: cluster-scoped, selected by whether they may be scheduled on."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.addresses import cidr_warnings
from sekisho.api.field import ErrorList, Path
from sekisho.api.objectmeta import validate_object_meta
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, StatusStrategy, Strategy
from sekisho.schema.defaults.node import set_defaults_node
from sekisho.schema.validation.node import validate_node, validate_node_update


class NodeStrategy(Strategy):
    field_labels = frozenset(("spec.unschedulable",))

    def default(self, obj: Object) -> None:
        set_defaults_node(obj)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        """A kubelet creates its node with its status."""
        _drop_configuration(obj, {})

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_node(obj)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return _warnings(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        _drop_configuration(new, old)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        errors = validate_object_meta(new["metadata"], False, names.dns1123_subdomain, Path("metadata"))
        return errors + validate_node(new) + validate_node_update(new, old)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return _warnings(new)

    def fields(self, obj: Object) -> dict[str, str]:
        unschedulable = obj.get("spec", {}).get("unschedulable", False)
        return {"spec.unschedulable": "true" if unschedulable else "false"}


class NodeStatusStrategy(StatusStrategy):
    """What kubelets report."""

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_node_update(new, old)


def _drop_configuration(new: Object, old: Object) -> None:
    """The kubelet's dynamic configuration is gone; what is stored of it stays."""
    spec = new.get("spec")
    if spec and "configSource" not in (old.get("spec") or {}):
        spec.pop("configSource", None)
    status = new.get("status")
    if status and "config" not in (old.get("status") or {}):
        status.pop("config", None)


def _warnings(node: Object) -> list[str]:
    spec: Object = node.get("spec") or {}
    out: list[str] = []
    if spec.get("configSource") is not None:
        out.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        out.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for i, network in enumerate(spec.get("podCIDRs") or ()):
        out += cidr_warnings(Path("spec.podCIDRs").index(i), network)
    return out
