"""Objects of kinds that are served in several versions, from one version into another.

Two kinds are: Events (core and events.k8s.io, stored as core) and HorizontalPodAutoscalers (v1 and v2,
stored as v2). Converters take complete objects, leave them alone, and return new ones in the order of the
target's struct; parts that did not change are shared with the input.
"""

from __future__ import annotations

from collections.abc import Callable

from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema import autoscalers
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import decode

Converter = Callable[[Object], Object]

CORE_EVENT = GroupVersionKind("", "v1", "Event")
EVENT = GroupVersionKind("events.k8s.io", "v1", "Event")
AUTOSCALER_V1 = GroupVersionKind("autoscaling", "v1", "HorizontalPodAutoscaler")
AUTOSCALER_V2 = GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler")

_EVENT_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
"""What the core group calls a field -> what events.k8s.io calls it."""
_CORE_NAMES = {new: old for old, new in _EVENT_NAMES.items()}


def converter(source: GroupVersionKind, target: GroupVersionKind) -> Converter:
    """The function that turns an object of `source` into one of `target`. Raises KeyError when there is
    none."""
    if source == target:
        return lambda obj: obj
    change = _CHANGES[source, target]
    type_ = builtin_types().for_kind(target)

    def convert(obj: Object) -> Object:
        changed = change(obj)
        changed["kind"], changed["apiVersion"] = target.kind, target.api_version
        metadata = changed.pop("metadata")
        converted, _ = decode(type_, changed)
        return {**converted, "metadata": metadata}

    return convert


def _core_event(obj: Object) -> Object:
    return {_CORE_NAMES.get(key, key): value for key, value in obj.items()}


def _event(obj: Object) -> Object:
    return {_EVENT_NAMES.get(key, key): value for key, value in obj.items()}


_CHANGES: dict[tuple[GroupVersionKind, GroupVersionKind], Converter] = {
    (EVENT, CORE_EVENT): _core_event,
    (CORE_EVENT, EVENT): _event,
    (AUTOSCALER_V1, AUTOSCALER_V2): autoscalers.v1_to_v2,
    (AUTOSCALER_V2, AUTOSCALER_V1): autoscalers.v2_to_v1,
}
