"""CronJobs (pkg/apis/batch/validation): the schedule, its zone, and the template of the Jobs."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from sekisho.api.field import ErrorList, Path, invalid, not_supported, required
from sekisho.api.types import Object
from sekisho.schema.cron import parse_schedule, split_zone
from sekisho.schema.validation.common import one_of
from sekisho.schema.validation.job import validate_job_template_spec
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.workload import validate_counts

_SPEC = Path("spec")
_POLICIES = ("Allow", "Forbid", "Replace")
_LONGEST_NAME = 52
"""63 less the eleven characters that each Job's name appends."""
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")

ZONE_WARNING = (
    "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see"
    " https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
)


def validate_cron_job(obj: Object, options: PodOptions) -> ErrorList:
    errors = _validate(obj["spec"], None, options)
    name = obj["metadata"].get("name", "")
    if len(name) > _LONGEST_NAME:
        errors.append(invalid(Path("metadata.name"), name, "must be no more than 52 characters"))
    return errors


def validate_cron_job_update(new: Object, old: Object, options: PodOptions) -> ErrorList:
    """Longer names from before the limit, and zones within schedules from before `timeZone`, may stay."""
    return _validate(new["spec"], old["spec"], options)


def uses_zone(obj: Object) -> bool:
    return "TZ" in (obj.get("spec") or {}).get("schedule", "")


def _validate(spec: Object, old: Object | None, options: PodOptions) -> ErrorList:
    errors = _validate_schedule(spec, old)
    errors += validate_counts(spec, ("startingDeadlineSeconds",), _SPEC)
    zone = spec.get("timeZone")
    if old is None or zone != old.get("timeZone"):
        errors += _validate_zone(zone, _SPEC.child("timeZone"))
    errors += one_of(_SPEC.child("concurrencyPolicy"), spec.get("concurrencyPolicy", ""), _POLICIES)
    template: Object = spec.get("jobTemplate") or {}
    errors += _validate_job_template(template.get("spec") or {}, _SPEC.child("jobTemplate", "spec"), options)
    return errors + validate_counts(spec, ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"), _SPEC)


def _validate_schedule(spec: Object, old: Object | None) -> ErrorList:
    schedule, at = spec.get("schedule", ""), _SPEC.child("schedule")
    if not schedule:
        return [required(at)]
    errors: ErrorList = []
    zone, rest = split_zone(schedule)
    problem = _zone_problem(zone) if zone else ""
    if problem:
        errors.append(invalid(at, schedule, f"provided bad location {zone}: {problem}"))
    else:
        try:
            parse_schedule(rest)
        except ValueError as error:
            errors.append(invalid(at, schedule, str(error)))
    if "TZ" not in schedule:
        return errors
    if old is None or "TZ" not in old.get("schedule", ""):
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid(at, schedule, detail))
    elif spec.get("timeZone") is not None:
        detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        errors.append(invalid(at, schedule, detail))
    return errors


def _validate_zone(zone: str | None, path: Path) -> ErrorList:
    if zone is None:
        return []
    if not zone:
        return [invalid(path, zone, "timeZone must be nil or non-empty string")]
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not _ZONE_PART.fullmatch(part):
            return [invalid(path, zone, f"unknown time zone {zone}")]
    errors: ErrorList = []
    if zone.casefold() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid(path, zone, detail))
    problem = _zone_problem(zone)
    return [*errors, invalid(path, zone, problem)] if problem else errors


def _zone_problem(zone: str) -> str:
    """What Go says when it loads the zone; empty when it can."""
    if zone in ("UTC", "Local"):
        return ""
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        return f"unknown time zone {zone}"
    return ""


def _validate_job_template(spec: Object, path: Path, options: PodOptions) -> ErrorList:
    """As a Job's spec, and the selector is always generated."""
    errors = validate_job_template_spec(spec, path, options)
    if spec.get("selector") is not None:
        errors.append(invalid(path.child("selector"), spec["selector"], "`selector` will be auto-generated"))
    if spec.get("manualSelector"):
        errors.append(not_supported(path.child("manualSelector"), True, ("nil", "false")))
    return errors
