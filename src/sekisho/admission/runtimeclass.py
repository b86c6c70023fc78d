"""RuntimeClass: what a pod's runtime costs and which nodes have it comes from the class (KEP-688)."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.goformat import quote
from sekisho.api.types import Object
from sekisho.schema.quota.amounts import parsed

CLASSES = "runtimeclasses.node.k8s.io"
_NO_MATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"


class RuntimeClass(Plugin):
    name = "RuntimeClass"
    may_change = frozenset(("pods",))

    async def admit(self, request: AdmissionRequest) -> None:
        if not _concerns(request) or request.object is None:
            return
        spec: Object = request.object["spec"]
        runtime_class = _find(request, spec)
        if runtime_class is None:
            return
        overhead = (runtime_class.get("overhead") or {}).get("podFixed")
        if runtime_class.get("overhead") is not None:
            if spec.get("overhead") and parsed(spec["overhead"]) != parsed(overhead):
                raise request.forbidden(_NO_MATCH)
            if overhead:
                spec["overhead"] = dict(overhead)
        if runtime_class.get("scheduling") is not None:
            _merge_scheduling(request, spec, runtime_class["scheduling"])

    async def validate(self, request: AdmissionRequest) -> None:
        if not _concerns(request) or request.object is None:
            return
        spec: Object = request.object["spec"]
        runtime_class = _find(request, spec)
        overhead = (runtime_class or {}).get("overhead")
        if overhead is not None:
            if parsed(spec.get("overhead")) != parsed(overhead.get("podFixed")):
                raise request.forbidden(_NO_MATCH)
        elif spec.get("overhead"):
            raise request.forbidden(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            )


def _concerns(request: AdmissionRequest) -> bool:
    is_pod = (request.info.group, request.info.resource) == ("", "pods")
    return is_pod and request.operation is Operation.CREATE and not request.subresource


def _find(request: AdmissionRequest, spec: Object) -> Object | None:
    name = spec.get("runtimeClassName")
    if name is None:
        return None
    found = request.lookup.get(CLASSES, "", name)
    if found is None:
        raise request.forbidden(f"pod rejected: RuntimeClass {quote(name)} not found")
    return found


def _merge_scheduling(request: AdmissionRequest, spec: Object, scheduling: Object) -> None:
    selector: Object = dict(spec.get("nodeSelector") or {})
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        own = selector.setdefault(key, value)
        if own != value:
            raise request.forbidden(
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value};"
                f" pod.spec.nodeSelector[{key}] = {own}"
            )
    if selector:
        spec["nodeSelector"] = dict(sorted(selector.items()))
    tolerations = merge_tolerations(spec.get("tolerations") or [], scheduling.get("tolerations") or [])
    if tolerations:
        spec["tolerations"] = tolerations


def merge_tolerations(first: list[Object], second: list[Object]) -> list[Object]:
    """Both lists, without what another toleration covers; of equal ones the first stays."""
    every = [*first, *second]
    merged: list[Object] = []
    for i, toleration in enumerate(every):
        if any(_covers(other, toleration) for other in merged):
            continue
        if any(other != toleration and _covers(other, toleration) for other in every[i + 1 :]):
            continue
        merged.append(toleration)
    return merged


def _covers(wide: Object, narrow: Object) -> bool:
    """Whether `wide` tolerates all that `narrow` does."""
    if wide == narrow:
        return True
    operator, effect = wide.get("operator", ""), wide.get("effect", "")
    if wide.get("key", "") != narrow.get("key", "") and (wide.get("key") or operator != "Exists"):
        return False
    if effect and effect != narrow.get("effect", ""):
        return False
    seconds, asked = wide.get("tolerationSeconds"), narrow.get("tolerationSeconds")
    if effect == "NoExecute" and seconds is not None and (asked is None or asked > seconds):
        return False
    if operator == "Exists":
        return True
    if operator not in ("", "Equal"):
        return False
    same_value = wide.get("value", "") == narrow.get("value", "")
    return bool(same_value and narrow.get("operator", "") == operator)
