"""Validation of Events, as upstream's pkg/apis/core/validation/events.go.

Both groups share one storage. An event with `eventTime` is new and has to be complete; through
events.k8s.io it must be new, cannot carry the old fields, and hardly changes any more. Errors name the
fields of the core group, `reportingController` excepted.
"""

from __future__ import annotations

from typing import Any

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, required
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.validation.common import checked, immutable, qualified_name_errors
from sekisho.schema.validation.gostruct import internal_form

_CORE = GroupVersionKind("", "v1", "Event")
_MOST = 128
_MOST_NOTE = 1024
_OTHER_NAMESPACE = "does not match event.namespace"
_UNSET = "needs to be unset"

_IMMUTABLE_BEFORE = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
)
_IMMUTABLE_AFTER = ("action", "related", "reportingController", "reportingInstance")
_ZEROS: dict[str, Any] = {"count": 0, "involvedObject": {}, "source": {}, "related": None}


def validate_event(event: Object, new_group: bool) -> ErrorList:
    """`event` is a core event; `new_group` says that it came through events.k8s.io."""
    errors = _basic_errors(event, new_group)
    if not new_group:
        return errors
    errors += _series_errors(event)
    if not event.get("eventTime"):
        errors.append(required(Path("eventTime")))
    type_ = event.get("type", "")
    if type_ not in ("Normal", "Warning"):
        errors.append(invalid(Path("type"), "", f"has invalid value: {type_}"))
    errors += [
        invalid(Path(field), "", _UNSET)
        for field in ("firstTimestamp", "lastTimestamp", "count")
        if event.get(field)
    ]
    if any((event.get("source") or {}).values()):
        errors.append(invalid(Path("source"), "", _UNSET))
    return errors


def validate_event_update(new: Object, old: Object, new_group: bool) -> ErrorList:
    errors = _basic_errors(new, new_group)
    if not new_group:
        return errors
    if new.get("series") != old.get("series"):
        errors += _series_errors(new)
    for field in (*_IMMUTABLE_BEFORE, "reason", "type", "eventTime", *_IMMUTABLE_AFTER):
        errors += immutable(Path(field), _shown(new, field), _shown(old, field))
    return errors


def _shown(event: Object, field: str) -> Any:
    """A field as Go prints it in the message."""
    if field == "reportingController":
        return event.get("reportingComponent", "")
    if field in ("involvedObject", "source", "related"):
        return internal_form(_CORE, (field,), event.get(field))
    if field in ("firstTimestamp", "lastTimestamp", "eventTime"):
        return event.get(field)
    return event.get(field) or _ZEROS.get(field, "")


def _basic_errors(event: Object, new_group: bool) -> ErrorList:
    namespace = event["metadata"].get("namespace", "")
    regarded = (event.get("involvedObject") or {}).get("namespace", "")
    path = Path("involvedObject.namespace")
    errors: ErrorList = []
    if event.get("eventTime"):
        if not regarded and namespace not in ("default", "kube-system"):
            errors.append(invalid(path, regarded, _OTHER_NAMESPACE))
        errors += _new_event_errors(event, "reportingController" if new_group else "reportingComponent")
    elif regarded != namespace and (regarded or namespace not in ("", "default")):
        errors.append(invalid(path, regarded, _OTHER_NAMESPACE))
    return errors + checked(Path("namespace"), namespace, names.dns1123_subdomain)


def _new_event_errors(event: Object, controller_field: str) -> ErrorList:
    controller = event.get("reportingComponent", "")
    path = Path(controller_field)
    errors: ErrorList = [] if controller else [required(path)]
    errors += qualified_name_errors(path, controller)
    for field in ("reportingInstance", "action", "reason"):
        value = event.get(field, "")
        if not value:
            errors.append(required(Path(field)))
        errors += _length_errors(field, value, _MOST)
    return errors + _length_errors("message", event.get("message", ""), _MOST_NOTE)


def _length_errors(field: str, value: str, most: int) -> ErrorList:
    if len(value.encode()) <= most:
        return []
    return [invalid(Path(field), "", f"can have at most {most} characters")]


def _series_errors(event: Object) -> ErrorList:
    series = event.get("series")
    if series is None:
        return []
    errors: ErrorList = []
    if series.get("count", 0) < 2:
        errors.append(invalid(Path("series.count"), "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required(Path("series.lastObservedTime")))
    return errors
