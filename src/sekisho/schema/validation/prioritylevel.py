"""Validation of PriorityLevelConfigurations, as upstream's pkg/apis/flowcontrol/validation."""

from __future__ import annotations

import math

from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.flowcontrol import EXEMPT, GROUP, mandatory_levels
from sekisho.schema.validation.flowcontrol import condition_errors
from sekisho.schema.validation.gostruct import internal_form

_KIND = GroupVersionKind(GROUP, "v1", "PriorityLevelConfiguration")
_SPEC = Path("spec")
_TYPES = ("Exempt", "Limited")
_RESPONSES = ("Queue", "Reject")
_MOST_QUEUES = 10_000_000
_HASH_BITS = 60
_PERCENT = "must be between 0 and 100, inclusive"


def validate_priority_level(level: Object) -> ErrorList:
    spec: Object = level.get("spec") or {}
    name = level["metadata"].get("name", "")
    return _spec_errors(spec, name) + _mandatory_errors(spec, name) + condition_errors(level)


def _mandatory_errors(spec: Object, name: str) -> ErrorList:
    wanted = next((m["spec"] for m in mandatory_levels() if m["metadata"]["name"] == name), None)
    free = ("exempt",) if name == EXEMPT else ()
    if wanted is None or _without(spec, free) == _without(wanted, free):
        return []
    but = " except the 'spec.exempt' field" if free else ""
    shown = internal_form(_KIND, ("spec",), spec)
    return [invalid(_SPEC, shown, f"spec of '{name}'{but} must equal the fixed value")]


def _without(spec: Object, fields: tuple[str, ...]) -> Object:
    return {key: value for key, value in spec.items() if key not in fields}


def _spec_errors(spec: Object, name: str) -> ErrorList:
    errors: ErrorList = []
    type_, exempt, limited = spec.get("type", ""), spec.get("exempt"), spec.get("limited")
    if (name == EXEMPT) != (type_ == "Exempt"):
        detail = "type must be 'Exempt' if and only if name is 'exempt'"
        errors.append(invalid(_SPEC.child("type"), type_, detail))
    if type_ == "Exempt":
        if limited is not None:
            errors.append(forbidden(_SPEC.child("limited"), "must be nil if the type is not Limited"))
        if exempt is None:
            errors.append(required(_SPEC.child("exempt"), "must not be empty when type is Exempt"))
        else:
            errors += _shares_errors(exempt, _SPEC.child("exempt"))
            errors += _lendable_errors(exempt, _SPEC.child("exempt"))
    elif type_ == "Limited":
        if exempt is not None:
            errors.append(forbidden(_SPEC.child("exempt"), "must be nil if the type is Limited"))
        if limited is None:
            errors.append(required(_SPEC.child("limited"), "must not be empty when type is Limited"))
        else:
            errors += _limited_errors(limited, _SPEC.child("limited"))
    else:
        errors.append(not_supported(_SPEC.child("type"), type_, _TYPES))
    return errors


def _shares_errors(part: Object, path: Path) -> ErrorList:
    shares = part.get("nominalConcurrencyShares") or 0
    if shares >= 0:
        return []
    return [invalid(path.child("nominalConcurrencyShares"), shares, "must be a non-negative integer")]


def _lendable_errors(part: Object, path: Path) -> ErrorList:
    percent = part.get("lendablePercent") or 0
    return [] if 0 <= percent <= 100 else [invalid(path.child("lendablePercent"), percent, _PERCENT)]


def _limited_errors(limited: Object, path: Path) -> ErrorList:
    errors = _shares_errors(limited, path)
    errors += _response_errors(limited.get("limitResponse") or {}, path.child("limitResponse"))
    errors += _lendable_errors(limited, path)
    borrowing = limited.get("borrowingLimitPercent") or 0
    if borrowing < 0:
        detail = "if specified, must be a non-negative integer"
        errors.append(invalid(path.child("borrowingLimitPercent"), borrowing, detail))
    return errors


def _response_errors(response: Object, path: Path) -> ErrorList:
    """Upstream's messages say Limited where they mean Queue."""
    type_, queuing, at = response.get("type", ""), response.get("queuing"), path.child("queuing")
    if type_ == "Reject":
        detail = "must be nil if limited.limitResponse.type is not Limited"
        return [] if queuing is None else [forbidden(at, detail)]
    if type_ == "Queue":
        if queuing is None:
            return [required(at, "must not be empty if limited.limitResponse.type is Limited")]
        return _queuing_errors(queuing, at)
    return [not_supported(path.child("type"), type_, _RESPONSES)]


def _queuing_errors(queuing: Object, path: Path) -> ErrorList:
    queues, hand, length = (queuing.get(f, 0) for f in ("queues", "handSize", "queueLengthLimit"))
    errors: ErrorList = []
    if length <= 0:
        errors.append(invalid(path.child("queueLengthLimit"), length, "must be positive"))
    if queues <= 0:
        errors.append(invalid(path.child("queues"), queues, "must be positive"))
    elif queues > _MOST_QUEUES:
        errors.append(invalid(path.child("queues"), queues, f"must not be greater than {_MOST_QUEUES}"))
    at = path.child("handSize")
    if hand <= 0:
        errors.append(invalid(at, hand, "must be positive"))
    elif hand > queues:
        errors.append(invalid(at, hand, f"should not be greater than queues ({queues})"))
    elif math.ceil(math.log2(queues) * hand) > _HASH_BITS:
        detail = (
            f"required entropy bits of deckSize {queues} and handSize {hand}"
            f" should not be greater than {_HASH_BITS}"
        )
        errors.append(invalid(at, hand, detail))
    return errors
