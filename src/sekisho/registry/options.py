"""The options of each verb, from the query or a body, decoded and checked as upstream does.

A value of the wrong form is a 400 with Go's parse error; a value that is not allowed is a 422 of the
options' own kind. Booleans follow upstream's rule: only `0` and `false` in any case are false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sekisho.api import status
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required, too_long
from sekisho.api.goformat import quote
from sekisho.api.types import GroupVersionKind

Query = Mapping[str, Sequence[str]]

FIELD_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_INT64_MAX = 2**63 - 1


def first(query: Query, name: str) -> str:
    values = query.get(name)
    return values[0] if values else ""


def boolean(query: Query, name: str) -> bool:
    """Absent is false; `0` and any case of `false` are false; all else, the empty string too, is true."""
    values = query.get(name)
    if not values:
        return False
    return values[0] != "0" and values[0].lower() != "false"


def integer(query: Query, name: str) -> int | None:
    """An int64, or None when absent. A 400 with strconv's words otherwise."""
    values = query.get(name)
    if not values or values[0] == "":
        return None
    text = values[0]
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise status.bad_request(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    number = int(text)
    if not -_INT64_MAX - 1 <= number <= _INT64_MAX:
        raise status.bad_request(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return number


def _options_kind(name: str) -> GroupVersionKind:
    return GroupVersionKind("meta.k8s.io", "v1", name)


def _check(kind: str, errors: ErrorList) -> None:
    if errors:
        raise status.invalid(_options_kind(kind), "", errors)


@dataclass(slots=True)
class WriteOptions:
    """CreateOptions, UpdateOptions and PatchOptions: they differ only in `force`."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = ""
    force: bool | None = None


def write_options(kind: str, query: Query, *, apply: bool = False) -> WriteOptions:
    """Decode and validate the options of a create, update or patch."""
    if not query:
        options = WriteOptions()
        if apply:
            _check(kind, [required(Path("fieldManager"), "is required for apply patch")])
        return options
    dry_run = list(query.get("dryRun", ()))
    options = WriteOptions(
        dry_run=bool(dry_run),
        field_manager=first(query, "fieldManager"),
        field_validation=first(query, "fieldValidation"),
        force=boolean(query, "force") if "force" in query else None,
    )
    errors: ErrorList = []
    if kind == "PatchOptions":
        if apply and not options.field_manager:
            errors.append(required(Path("fieldManager"), "is required for apply patch"))
        elif not apply and options.force is not None:
            errors.append(forbidden(Path("force"), "may not be specified for non-apply patch"))
    errors += _field_manager_errors(options.field_manager)
    errors += dry_run_errors(dry_run)
    if options.field_validation not in FIELD_VALIDATIONS:
        errors.append(not_supported(Path("fieldValidation"), options.field_validation, FIELD_VALIDATIONS))
    _check(kind, errors)
    return options


def _field_manager_errors(manager: str) -> ErrorList:
    path = Path("fieldManager")
    errors: ErrorList = []
    if len(manager.encode()) > 128:
        errors.append(too_long(path, 128))
    for position, character in enumerate(manager):
        if not character.isprintable():
            detail = f"invalid character {go_unicode(character)} (at position {position})"
            errors.append(invalid(path, manager, detail))
    return errors


def go_unicode(character: str) -> str:
    """Go's `%#U`: the code point, and the character itself when it prints."""
    code = f"U+{ord(character):04X}"
    return f"{code} '{character}'" if character.isprintable() else code


def dry_run_errors(values: Sequence[str]) -> ErrorList:
    if all(v == "All" for v in values):
        return []
    return [not_supported(Path("dryRun"), list(values), ("All",))]


@dataclass(slots=True)
class DeleteOptions:
    dry_run: bool = False
    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    uid: str | None = None
    resource_version: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    """As sent, for admission."""


POLICIES = ("Foreground", "Background", "Orphan", "nil")


def delete_options_from_query(query: Query) -> DeleteOptions:
    if not query:
        return DeleteOptions()
    raw: dict[str, Any] = {}
    grace = integer(query, "gracePeriodSeconds")
    if grace is not None:
        raw["gracePeriodSeconds"] = grace
    if "orphanDependents" in query:
        raw["orphanDependents"] = boolean(query, "orphanDependents")
    if first(query, "propagationPolicy"):
        raw["propagationPolicy"] = first(query, "propagationPolicy")
    if "dryRun" in query:
        raw["dryRun"] = list(query["dryRun"])
    preconditions = {}
    if "uid" in query:
        preconditions["uid"] = first(query, "uid")
    if "resourceVersion" in query:
        preconditions["resourceVersion"] = first(query, "resourceVersion")
    if preconditions:
        raw["preconditions"] = preconditions
    return delete_options(raw)


def delete_options(raw: dict[str, Any]) -> DeleteOptions:
    """Validate a decoded DeleteOptions object."""
    policy = raw.get("propagationPolicy")
    orphan = raw.get("orphanDependents")
    errors: ErrorList = []
    if policy is not None and orphan is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid(Path("propagationPolicy"), policy, detail))
    if policy is not None and policy not in POLICIES[:3]:
        errors.append(not_supported(Path("propagationPolicy"), policy, POLICIES))
    dry_run = raw.get("dryRun") or []
    errors += dry_run_errors(dry_run)
    _check("DeleteOptions", errors)
    preconditions = raw.get("preconditions") or {}
    return DeleteOptions(
        dry_run=bool(dry_run),
        grace_period_seconds=raw.get("gracePeriodSeconds"),
        propagation_policy=policy,
        orphan_dependents=orphan,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        raw=raw,
    )


@dataclass(slots=True)
class ListOptions:
    label_selector: str = ""
    field_selector: str = ""
    watch: bool = False
    allow_watch_bookmarks: bool = False
    resource_version: str = ""
    resource_version_match: str = ""
    timeout_seconds: int | None = None
    limit: int = 0
    continue_token: str = ""
    send_initial_events: bool | None = None


def list_options(query: Query) -> ListOptions:
    """Decode the options of a list, watch or deletecollection. 400 for what does not parse."""
    if not query:
        return ListOptions()
    return ListOptions(
        label_selector=first(query, "labelSelector"),
        field_selector=first(query, "fieldSelector"),
        watch=boolean(query, "watch"),
        allow_watch_bookmarks=boolean(query, "allowWatchBookmarks"),
        resource_version=first(query, "resourceVersion"),
        resource_version_match=first(query, "resourceVersionMatch"),
        timeout_seconds=integer(query, "timeoutSeconds"),
        limit=integer(query, "limit") or 0,
        continue_token=first(query, "continue"),
        send_initial_events=boolean(query, "sendInitialEvents") if "sendInitialEvents" in query else None,
    )


def validate_list_options(options: ListOptions) -> None:
    """The 422s of the resourceVersion matrix, for lists and for watches."""
    errors = _watch_errors(options) if options.watch else _list_errors(options)
    _check("ListOptions", errors)


def _list_errors(options: ListOptions) -> ErrorList:
    errors: ErrorList = []
    match = options.resource_version_match
    path = Path("resourceVersionMatch")
    if match:
        if not options.resource_version:
            errors.append(
                forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
            )
        if options.continue_token:
            errors.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in ("Exact", "NotOlderThan"):
            errors.append(not_supported(path, match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and options.resource_version == "0":
            errors.append(
                forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
            )
    if options.send_initial_events is not None:
        errors.append(forbidden(Path("sendInitialEvents"), "sendInitialEvents is forbidden for list"))
    return errors


def _watch_errors(options: ListOptions) -> ErrorList:
    match = options.resource_version_match
    path = Path("resourceVersionMatch")
    errors: ErrorList = []
    if options.send_initial_events is not None and match != "NotOlderThan" and not match:
        errors.append(
            forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        )
    if match:
        if options.send_initial_events is None:
            errors.append(
                forbidden(
                    path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
                )
            )
        if match != "NotOlderThan":
            errors.append(not_supported(path, match, ("NotOlderThan",)))
        if options.continue_token:
            errors.append(forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
    return errors


def parse_resource_version(text: str) -> int:
    """A resourceVersion as a number; ValueError with upstream's field error text otherwise."""
    if text == "":
        return 0
    if not (text.isascii() and text.isdigit()):
        problem = "invalid syntax"
    elif int(text) >= 2**64:
        problem = "value out of range"
    else:
        return int(text)
    detail = f"strconv.ParseUint: parsing {quote(text)}: {problem}"
    raise ValueError(f"resourceVersion: Invalid value: {quote(text)}: {detail}")
