"""StatefulSets (pkg/apis/apps/validation)."""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.api import names
from sekisho.api.field import (
    ErrorList,
    FieldError,
    Path,
    forbidden,
    invalid,
    not_supported,
    render_value,
    required,
)
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.claimspec import ClaimOptions, validate_claim_spec
from sekisho.schema.validation.common import checked, not_negative
from sekisho.schema.validation.intorpercent import amount, validate_at_most_all, validate_int_or_percent
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.pod import validate_pod_template_spec
from sekisho.schema.validation.podwarnings import claim_spec_warnings, template_warnings
from sekisho.schema.validation.workload import (
    label_mismatch,
    parsed_selector,
    validate_available,
    validate_collision_count,
    validate_counts,
    validate_lasting,
    validate_parts,
    validate_required_selector,
)

_SPEC = Path("spec")
_STATUS = Path("status")
_RETENTIONS = ("Retain", "Delete")
_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_IMMUTABLE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy',"
    " 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_NEGATIVE_LIMIT = (
    "spec.revisionHistoryLimit: a negative value retains all historical revisions;"
    " a value >= 0 is recommended"
)


@dataclass(frozen=True, slots=True)
class _Tolerated:
    """What the stored object breaks already: rules that came with 1.34."""

    service_name: bool = False
    template: bool = False
    claims: bool = False


def validate_stateful_set(obj: Object, options: PodOptions) -> ErrorList:
    return _validate(obj, options, _Tolerated())


def validate_stateful_set_update(new: Object, old: Object, options: PodOptions) -> ErrorList:
    """The name is not looked at again: it was a subdomain once."""
    before = old["spec"]
    tolerated = _Tolerated(
        service_name=bool(_validate_service_name(before)),
        template=bool(_validate_template(before, options)),
        claims=bool(_validate_claims(before)),
    )
    errors = _validate(new, options, tolerated)
    fixed, fixed_before = _without(new["spec"], _MUTABLE), _without(before, _MUTABLE)
    if fixed != fixed_before:
        errors.append(forbidden(_SPEC, _IMMUTABLE))
    return errors


def _without(spec: Object, fields: tuple[str, ...]) -> Object:
    return {key: value for key, value in spec.items() if key not in fields}


def _validate(obj: Object, options: PodOptions, tolerated: _Tolerated) -> ErrorList:
    spec: Object = obj.get("spec") or {}
    errors = _validate_pod_management(spec.get("podManagementPolicy", ""))
    errors += _validate_strategy(spec.get("updateStrategy") or {}, _SPEC.child("updateStrategy"))
    errors += _validate_retention(spec.get("persistentVolumeClaimRetentionPolicy"))
    if not tolerated.claims:
        errors += _validate_claims(spec)
    errors += validate_counts(spec, ("replicas", "minReadySeconds"), _SPEC)
    if spec.get("ordinals") is not None:
        errors += not_negative(_SPEC.child("ordinals.start"), spec["ordinals"].get("start", 0))
    if not tolerated.service_name:
        errors += _validate_service_name(spec)
    selector, at = spec.get("selector"), _SPEC.child("selector")
    errors += validate_required_selector(selector, at, "statefulset")
    parsed = parsed_selector(selector)
    if parsed is None:
        errors.append(FieldError(str(at), "FieldValueInvalid", f"Invalid value: {render_value(selector)}"))
    else:
        errors += label_mismatch(parsed, spec.get("template") or {}, _SPEC.child("template"))
        if not tolerated.template:
            errors += _validate_template(spec, options)
    pod = (spec.get("template") or {}).get("spec") or {}
    return errors + validate_lasting(pod, _SPEC.child("template", "spec"), "StatefulSet")


def _validate_pod_management(policy: str) -> ErrorList:
    at = _SPEC.child("podManagementPolicy")
    if not policy:
        return [required(at)]
    if policy in ("OrderedReady", "Parallel"):
        return []
    return [invalid(at, policy, "must be 'OrderedReady' or 'Parallel'")]


def _validate_strategy(strategy: Object, path: Path) -> ErrorList:
    kind, rolling, at = strategy.get("type", ""), strategy.get("rollingUpdate"), path.child("rollingUpdate")
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        detail = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid(at, goform.partition(rolling), detail)]
    if kind != "RollingUpdate":
        shown = goform.partition_strategy(strategy)
        return [invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    return [] if rolling is None else _validate_rolling_update(rolling, at)


def _validate_rolling_update(rolling: Object, path: Path) -> ErrorList:
    errors = not_negative(path.child("partition"), rolling.get("partition", 0))
    unavailable, at = rolling.get("maxUnavailable"), path.child("maxUnavailable")
    if unavailable is None:
        return errors
    errors += validate_int_or_percent(at, unavailable)
    if amount(unavailable) == 0:
        errors.append(invalid(at, unavailable, "cannot be 0"))
    return errors + validate_at_most_all(at, unavailable)


def _validate_retention(policy: Object | None) -> ErrorList:
    if policy is None:
        return []
    at = _SPEC.child("persistentVolumeClaimRetentionPolicy")
    return [
        not_supported(at.child(field), policy.get(field, ""), _RETENTIONS)
        for field in ("whenDeleted", "whenScaled")
        if policy.get(field) not in _RETENTIONS
    ]


def _validate_claims(spec: Object) -> ErrorList:
    errors: ErrorList = []
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        at = _SPEC.child("volumeClaimTemplates").index(i).child("spec")
        errors += validate_claim_spec(claim.get("spec") or {}, at, ClaimOptions())
    return errors


def _validate_service_name(spec: Object) -> ErrorList:
    name = spec.get("serviceName", "")
    return checked(_SPEC.child("serviceName"), name, names.dns1123_label) if name else []


def _validate_template(spec: Object, options: PodOptions) -> ErrorList:
    """The template, in which containers can also mount what the claim templates will give each pod."""
    template: Object = spec.get("template") or {}
    claims = [(claim.get("metadata") or {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    if any(claims):
        pod: Object = template.get("spec") or {}
        volumes = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
        volumes += [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims if c]
        template = {**template, "spec": {**pod, "volumes": volumes}}
    return validate_pod_template_spec(template, _SPEC.child("template"), options)


def validate_stateful_set_status_update(new: Object, old: Object) -> ErrorList:
    status: Object = new.get("status") or {}
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    counts = ("replicas", *parts, "observedGeneration", "collisionCount")
    errors = validate_counts(status, counts, _STATUS)
    errors += validate_parts(status, parts, _STATUS)
    errors += validate_available(status, _STATUS, "status.readyReplicas")
    return errors + validate_collision_count(status, old.get("status") or {}, _STATUS)


def stateful_set_warnings(obj: Object, *, update: bool = False) -> list[str]:
    """Updates call the claims' specs `Spec`, as upstream does."""
    spec: Object = obj.get("spec") or {}
    warnings = template_warnings(spec.get("template") or {}, _SPEC.child("template"))
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        at = _SPEC.child("volumeClaimTemplates").index(i)
        warnings += claim_spec_warnings(claim.get("spec") or {}, at.child("Spec") if update else at)
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        warnings.append(_NEGATIVE_LIMIT)
    return warnings
