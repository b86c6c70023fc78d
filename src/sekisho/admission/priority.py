"""Priority: a pod's priority and preemption policy are those of its class; one class at most is the default."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.types import Object

CLASSES = "priorityclasses.scheduling.k8s.io"
_DEFAULT_POLICY = "PreemptLowerPriority"


class Priority(Plugin):
    name = "Priority"
    may_change = frozenset(("pods",))

    async def admit(self, request: AdmissionRequest) -> None:
        pod = request.object
        if pod is None or request.subresource or (request.info.group, request.info.resource) != ("", "pods"):
            return
        if request.operation is Operation.CREATE:
            _settle(request, pod["spec"])
        elif request.operation is Operation.UPDATE and request.old_object is not None:
            before: Object = request.old_object["spec"]
            for field in ("priority", "preemptionPolicy"):
                if pod["spec"].get(field) is None and before.get(field) is not None:
                    pod["spec"][field] = before[field]

    async def validate(self, request: AdmissionRequest) -> None:
        obj = request.object
        if obj is None or f"{request.info.resource}.{request.info.group}" != CLASSES or request.subresource:
            return
        if not obj.get("globalDefault"):
            return
        default = _default_class(request)
        if default is None:
            return
        name = default["metadata"]["name"]
        if request.operation is Operation.CREATE or name != obj["metadata"]["name"]:
            raise request.forbidden(
                f"PriorityClass {name} is already marked as default. Only one default can exist"
            )


def _default_class(request: AdmissionRequest) -> Object | None:
    """Of several, the one with the lowest value."""
    marked = [c for c in request.lookup.list(CLASSES, "") if c.get("globalDefault")]
    return min(marked, key=lambda c: int(c.get("value", 0)), default=None)


def _settle(request: AdmissionRequest, spec: Object) -> None:
    name = spec.get("priorityClassName")
    found = request.lookup.get(CLASSES, "", name) if name else _default_class(request)
    if name and found is None:
        raise request.forbidden(f"no PriorityClass with name {name} was found")
    if found is not None:
        spec["priorityClassName"] = found["metadata"]["name"]
    value = (found or {}).get("value", 0)
    policy = (found or {"preemptionPolicy": _DEFAULT_POLICY}).get("preemptionPolicy")
    asked = spec.get("priority")
    if asked is not None and asked != value:
        raise request.forbidden(
            f"the integer value of priority ({asked}) must not be provided in pod spec; priority admission"
            f" controller computed {value} from the given PriorityClass name"
        )
    spec["priority"] = value
    if policy is None:
        return
    asked = spec.get("preemptionPolicy")
    if asked is not None and asked != policy:
        raise request.forbidden(
            f"the string value of PreemptionPolicy ({asked}) must not be provided in pod spec; priority"
            f" admission controller computed {policy} from the given PriorityClass name"
        )
    spec["preemptionPolicy"] = policy
