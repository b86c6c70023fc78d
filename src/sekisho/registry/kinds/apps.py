"""The workloads that keep pods running: the apps group, and ReplicationControllers."""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.field import ErrorList
from sekisho.api.goformat import quote
from sekisho.api.objectmeta import has_invalid_label_value
from sekisho.api.types import Object
from sekisho.registry.kinds.statusmetadata import restore_metadata
from sekisho.registry.kinds.workloads import TwiceCheckedStrategy, WorkloadStrategy, generation_changed
from sekisho.registry.strategy import Context, StatusStrategy
from sekisho.schema.decode import DecodeError
from sekisho.schema.defaults import apps as defaults
from sekisho.schema.validation.daemonset import validate_daemon_set, validate_daemon_set_status_update
from sekisho.schema.validation.deployment import (
    validate_deployment,
    validate_deployment_status_update,
    validate_replica_set,
    validate_replica_status,
    validate_selector_unchanged,
)
from sekisho.schema.validation.options import FOR_TEMPLATE
from sekisho.schema.validation.replicationcontroller import validate_replication_controller
from sekisho.schema.validation.statefulset import (
    stateful_set_warnings,
    validate_stateful_set,
    validate_stateful_set_status_update,
    validate_stateful_set_update,
)

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""The annotation in which apps/v1 shows what once was a field of a DaemonSet's spec."""

_INTEGER = re.compile(r"[+-]?[0-9]+")


class DeploymentStrategy(WorkloadStrategy):
    def default(self, obj: Object) -> None:
        defaults.set_defaults_deployment(obj)

    def spec_changed(self, new: Object, old: Object) -> bool:
        """Annotations count as well: the controller copies them to the ReplicaSets."""
        annotations = new["metadata"].get("annotations"), old["metadata"].get("annotations")
        return super().spec_changed(new, old) or (annotations[0] or {}) != (annotations[1] or {})

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_deployment(obj, FOR_TEMPLATE)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_deployment(new, self.options(old)) + validate_selector_unchanged(new, old)


class DeploymentStatusStrategy(StatusStrategy):
    reset_on_main = (("spec",), ("metadata", "labels"))

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        restore_metadata(new, old, ("labels",))

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_deployment_status_update(new, old)


class ReplicaSetStrategy(TwiceCheckedStrategy):
    def default(self, obj: Object) -> None:
        defaults.set_defaults_replica_set(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_replica_set(obj, FOR_TEMPLATE)

    def validate_again(self, new: Object, old: Object) -> ErrorList:
        return validate_replica_set(new, self.options(old))

    def validate_change(self, new: Object, old: Object) -> ErrorList:
        return self.validate_again(new, old) + validate_selector_unchanged(new, old)


class ReplicationControllerStrategy(TwiceCheckedStrategy):
    orphans_by_default = True
    field_labels = frozenset(("status.replicas",))

    def default(self, obj: Object) -> None:
        defaults.set_defaults_replication_controller(obj)

    def fields(self, obj: Object) -> dict[str, str]:
        return {"status.replicas": str((obj.get("status") or {}).get("replicas", 0))}

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_replication_controller(obj, FOR_TEMPLATE)

    def validate_again(self, new: Object, old: Object) -> ErrorList:
        return validate_replication_controller(new, self.options(old))


class ReplicaStatusStrategy(StatusStrategy):
    """Of ReplicaSets and ReplicationControllers."""

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_replica_status(new)


class DaemonSetStrategy(TwiceCheckedStrategy):
    """Counts the changes of its template in an annotation, which clients cannot set."""

    def default(self, obj: Object) -> None:
        defaults.set_defaults_daemon_set(obj)
        annotations = obj["metadata"].get("annotations") or {}
        number = annotations.get(TEMPLATE_GENERATION, "0")
        if not _INTEGER.fullmatch(number):
            raise DecodeError(f"strconv.ParseInt: parsing {quote(number)}: invalid syntax")
        _set_template_generation(obj, int(number))

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        super().prepare_for_create(ctx, obj)
        _set_template_generation(obj, max(_template_generation(obj), 1))

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        changed = self.template(new) != self.template(old)
        _set_template_generation(new, _template_generation(old) + changed)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_daemon_set(obj, FOR_TEMPLATE)

    def validate_again(self, new: Object, old: Object) -> ErrorList:
        lenient = has_invalid_label_value(old["spec"].get("selector"))
        return validate_daemon_set(new, self.options(old), any_values=lenient)

    def validate_change(self, new: Object, old: Object) -> ErrorList:
        return self.validate_again(new, old) + validate_selector_unchanged(new, old)


def _template_generation(obj: Object) -> int:
    return int((obj["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, 0))


def _set_template_generation(obj: Object, number: int) -> None:
    annotations = {**(obj["metadata"].get("annotations") or {}), TEMPLATE_GENERATION: str(number)}
    obj["metadata"]["annotations"] = dict(sorted(annotations.items()))


class DaemonSetStatusStrategy(StatusStrategy):
    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        _set_template_generation(new, _template_generation(old))

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_daemon_set_status_update(new, old)


class StatefulSetStrategy(WorkloadStrategy):
    """Its name becomes the host names of its pods, so it must be a label."""

    def default(self, obj: Object) -> None:
        defaults.set_defaults_stateful_set(obj)

    def name_errors(self, name: str) -> list[str]:
        return names.dns1123_label(name)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        super().prepare_for_create(ctx, obj)
        _drop_max_unavailable(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        if "maxUnavailable" not in _rolling_update(old):
            _drop_max_unavailable(new)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_stateful_set(obj, FOR_TEMPLATE)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_stateful_set_update(new, old, self.options(old))

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return stateful_set_warnings(obj)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return stateful_set_warnings(new, update=True) if generation_changed(new, old) else []


def _rolling_update(obj: Object) -> Object:
    return (obj["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}


def _drop_max_unavailable(obj: Object) -> None:
    """The field is behind the gate MaxUnavailableStatefulSet (KEP-961)."""
    _rolling_update(obj).pop("maxUnavailable", None)


class StatefulSetStatusStrategy(StatusStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_stateful_set_status_update(new, old)
