"""LimitRanger: what a namespace's LimitRanges add to pods, and what they refuse of pods and claims.

Follows upstream's plugin/pkg/admission/limitranger. Ranges are taken in the order of their names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.goformat import aggregate
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.podresources import aggregate_container_limits, aggregate_container_requests
from sekisho.schema.quota.amounts import Amounts, parsed
from sekisho.schema.resourcenames import is_pod_level

ANNOTATION = "kubernetes.io/limit-ranger"
_MOST_MILLI = (2**63 - 1) // 1000
_CONTAINERS = (("containers", "container"), ("initContainers", "init container"))


class LimitRanger(Plugin):
    name = "LimitRanger"
    may_change = frozenset(("pods",))

    async def admit(self, request: AdmissionRequest) -> None:
        obj = request.object
        if obj is None or not _concerns(request) or request.info.resource != "pods":
            return
        for limit_range in _ranges(request):
            _set_container_defaults(obj, limit_range)

    async def validate(self, request: AdmissionRequest) -> None:
        obj = request.object
        if obj is None or not _concerns(request):
            return
        check = _pod_problems if request.info.resource == "pods" else _claim_problems
        for limit_range in _ranges(request):
            problems = [text for item in _items(limit_range) for text in check(item, obj)]
            if problems:
                raise request.forbidden(aggregate(problems))


def _concerns(request: AdmissionRequest) -> bool:
    """New pods, resized pods, claims; nothing that is being deleted."""
    if request.info.group or request.operation not in (Operation.CREATE, Operation.UPDATE):
        return False
    if "deletionTimestamp" in (request.old_object or {}).get("metadata", {}):
        return False
    is_update = request.operation is Operation.UPDATE
    if request.info.resource == "pods":
        return request.subresource == ("resize" if is_update else "")
    return request.info.resource == "persistentvolumeclaims" and not request.subresource


def _ranges(request: AdmissionRequest) -> Sequence[Object]:
    return request.lookup.list("limitranges", request.namespace)


def _items(limit_range: Object) -> Sequence[Object]:
    return (limit_range.get("spec") or {}).get("limits") or ()


def _set_container_defaults(pod: Object, limit_range: Object) -> None:
    """Fill in limits and requests that containers leave out, and tell so in an annotation."""
    limits: Object = {}
    requests: Object = {}
    for item in _items(limit_range):
        if item.get("type") == "Container":
            limits.update(item.get("default") or {})
            requests.update(item.get("defaultRequest") or {})
    told: list[str] = []
    for field, what in _CONTAINERS:
        for container in pod["spec"].get(field) or ():
            told += _fill(container, "requests", requests, "request", what)
            told += _fill(container, "limits", limits, "limit", what)
    if told:
        metadata = pod["metadata"]
        text = "LimitRanger plugin set: " + "; ".join(told)
        metadata["annotations"] = dict(sorted({**metadata.get("annotations", {}), ANNOTATION: text}.items()))


def _fill(container: Object, field: str, defaults: Object, word: str, what: str) -> list[str]:
    resources: Object = container.get("resources") or {}
    present: Object = resources.get(field) or {}
    absent = sorted(defaults.keys() - present.keys())
    if not absent:
        return []
    filled = dict(sorted({**{name: defaults[name] for name in absent}, **present}.items()))
    merged = {**resources, field: filled}
    container["resources"] = {key: merged[key] for key in ("limits", "requests", "claims") if key in merged}
    return [f"{', '.join(absent)} {word} for {what} {container.get('name', '')}"]


Constraint = Callable[[str, str, Quantity, Amounts, Amounts], str]


def _pod_problems(item: Object, pod: Object) -> Iterator[str]:
    spec: Object = pod["spec"]
    if item.get("type") == "Container":
        for field, _ in _CONTAINERS:
            for container in spec.get(field) or ():
                resources: Object = container.get("resources") or {}
                amounts = parsed(resources.get("requests")), parsed(resources.get("limits"))
                yield from _problems(item, _POD_CONSTRAINTS, *amounts)
    elif item.get("type") == "Pod":
        own: Object = spec.get("resources") or {}
        requests = {**aggregate_container_requests(spec), **_pod_level(own.get("requests"))}
        limits = {**aggregate_container_limits(spec), **_pod_level(own.get("limits"))}
        yield from _problems(item, _POD_CONSTRAINTS, requests, limits)


def _pod_level(amounts: Object | None) -> Amounts:
    return {name: amount for name, amount in parsed(amounts).items() if is_pod_level(name)}


def _claim_problems(item: Object, claim: Object) -> Iterator[str]:
    if item.get("type") == "PersistentVolumeClaim":
        resources: Object = (claim.get("spec") or {}).get("resources") or {}
        yield from _problems(item, _CLAIM_CONSTRAINTS, parsed(resources.get("requests")), {})


def _problems(
    item: Object,
    constraints: Collection[tuple[str, Constraint]],
    requests: Amounts,
    limits: Amounts,
) -> Iterator[str]:
    for field, constraint in constraints:
        for name, amount in (item.get(field) or {}).items():
            text = constraint(item["type"], name, Quantity.parse(amount), requests, limits)
            if text:
                yield text


def _minimum(type_: str, name: str, least: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"minimum {name} usage per {type_} is {least}"
    request, limit = requests.get(name), limits.get(name)
    if request is None:
        return f"{text}.  No request is specified"
    if request < least:
        return f"{text}, but request is {request}"
    return f"{text}, but limit is {limit}" if limit is not None and limit < least else ""


def _maximum(type_: str, name: str, most: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"maximum {name} usage per {type_} is {most}"
    request, limit = requests.get(name), limits.get(name)
    if limit is None:
        return f"{text}.  No limit is specified"
    if limit > most:
        return f"{text}, but limit is {limit}"
    return f"{text}, but request is {request}" if request is not None and request > most else ""


def _maximum_request(type_: str, name: str, most: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"maximum {name} usage per {type_} is {most}"
    request = requests.get(name)
    if request is None:
        return f"{text}.  No request is specified"
    return f"{text}, but request is {request}" if request > most else ""


def _ratio(type_: str, name: str, most: Quantity, requests: Amounts, limits: Amounts) -> str:
    text = f"{name} max limit to request ratio per {type_} is {most}"
    request, limit = requests.get(name), limits.get(name)
    if request is None or request.is_zero:
        return f"{text}, but no request is specified or request is 0"
    if limit is None or limit.is_zero:
        return f"{text}, but no limit is specified or limit is 0"
    amounts = (request.value(), limit.value(), most.value())
    if max(amounts) <= _MOST_MILLI:
        ratio = limit.milli_value() / request.milli_value()
    else:
        ratio = amounts[1] / amounts[0]
    return f"{text}, but provided ratio is {ratio:f}" if ratio * 1000 > most.milli_value() else ""


_POD_CONSTRAINTS = (("min", _minimum), ("max", _maximum), ("maxLimitRequestRatio", _ratio))
_CLAIM_CONSTRAINTS = (("min", _minimum), ("max", _maximum_request))
