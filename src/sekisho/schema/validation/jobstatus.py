"""The status of Jobs, which other controllers than upstream's may write as well (KEP-4368).

Most rules hold for what a write changes: a status that was wrong before may be written as it is.
"""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, duplicate, invalid, required
from sekisho.api.time import parse_time
from sekisho.api.types import Object
from sekisho.schema.validation import goform
from sekisho.schema.validation.job import is_indexed
from sekisho.schema.validation.jobindexes import count_indexes, first_overlap
from sekisho.schema.validation.workload import invalid_bare, validate_counts

_STATUS = Path("status")
_CONDITIONS = _STATUS.child("conditions")
_TERMINAL = ("Failed", "Complete", "FailureTarget")


def validate_job_status_update(new: Object, old: Object) -> ErrorList:
    return _Change(new, old).validate()


class _Change:
    """The status before and after a write, and what differs."""

    def __init__(self, new: Object, old: Object) -> None:
        self.spec: Object = new.get("spec") or {}
        self.new: Object = new.get("status") or {}
        self.old: Object = old.get("status") or {}
        self.complete, self.failed = self.has("Complete"), self.has("Failed")
        self.finished = self.complete or self.failed
        self.finished_changed = self.finished != (_has(self.old, "Complete") or _has(self.old, "Failed"))

    def has(self, kind: str) -> bool:
        return _has(self.new, kind)

    def flipped(self, *kinds: str) -> bool:
        """Whether one of the conditions became true or ceased to be."""
        return any(self.has(kind) != _has(self.old, kind) for kind in kinds)

    def changed(self, *fields: str) -> bool:
        return any(self.new.get(field) != self.old.get(field) for field in fields)

    def finished_with(self, field: str) -> bool:
        """Whether the Job is finished, and this write finished it or changed the field."""
        return self.finished and (self.finished_changed or self.changed(field))

    def validate(self) -> ErrorList:
        counts = ("active", "succeeded", "failed", "ready", "terminating")
        errors = validate_counts(self.new, counts, _STATUS)
        errors += _validate_uncounted(self.new.get("uncountedTerminatedPods") or {})
        for rules in (_completion, _ends, _finish, _indexes, _pods, _success, _transitions):
            errors += rules(self)
        return errors


def _has(status: Object, kind: str) -> bool:
    return any(
        condition.get("type") == kind and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )


def _validate_uncounted(pods: Object) -> ErrorList:
    """Uids of pods that ended and are not in the counters yet."""
    errors: ErrorList = []
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for i, uid in enumerate(pods.get(field) or ()):
            at = _STATUS.child("uncountedTerminatedPods", field).index(i)
            if not uid:
                errors.append(invalid(at, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(at, uid))
            seen.add(uid)
    return errors


def _completion(change: _Change) -> ErrorList:
    """What contradicts completion, and its time."""
    errors: ErrorList = []
    at, time = _STATUS.child("completionTime"), change.new.get("completionTime")
    if change.flipped("Complete", "Failed") and change.complete and change.failed:
        errors.append(invalid_bare(_CONDITIONS, "cannot set Complete=True and Failed=true conditions"))
    if change.flipped("Complete", "FailureTarget") and change.complete and change.has("FailureTarget"):
        detail = "cannot set Complete=True and FailureTarget=true conditions"
        errors.append(invalid_bare(_CONDITIONS, detail))
    if change.flipped("Complete") or change.changed("completionTime"):
        if time is not None and not change.complete:
            detail = "cannot set completionTime when there is no Complete=True condition"
            errors.append(invalid(at, time, detail))
        if time is None and change.complete:
            errors.append(required(at, "completionTime is required for Complete jobs"))
    start = change.new.get("startTime")
    moved = change.changed("startTime", "completionTime")
    if moved and start is not None and time is not None and parse_time(time) < parse_time(start):
        errors.append(invalid(at, time, "completionTime cannot be set before startTime"))
    return errors


def _ends(change: _Change) -> ErrorList:
    """Each end is announced before it comes."""
    errors: ErrorList = []
    if change.flipped("Failed", "FailureTarget") and change.failed and not change.has("FailureTarget"):
        detail = "cannot set Failed=True condition without the FailureTarget=true condition"
        errors.append(invalid_bare(_CONDITIONS, detail))
    met = change.has("SuccessCriteriaMet")
    if change.flipped("Complete", "SuccessCriteriaMet") and change.complete and not met:
        detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(invalid_bare(_CONDITIONS, detail))
    return errors


def _finish(change: _Change) -> ErrorList:
    """What a finished Job must have and must not have any more."""
    errors: ErrorList = []
    new = change.new
    if change.finished_with("active") and new.get("active", 0) > 0:
        detail = "active>0 is invalid for finished job"
        errors.append(invalid(_STATUS.child("active"), new["active"], detail))
    if change.finished_with("startTime") and new.get("startTime") is None:
        errors.append(required(_STATUS.child("startTime"), "startTime is required for finished job"))
    pods = new.get("uncountedTerminatedPods") or {}
    if change.finished_with("uncountedTerminatedPods") and (pods.get("succeeded") or pods.get("failed")):
        detail = "uncountedTerminatedPods needs to be empty for finished job"
        at = _STATUS.child("uncountedTerminatedPods")
        errors.append(invalid(at, goform.uncounted_pods(pods), detail))
    return errors


def _indexes(change: _Change) -> ErrorList:
    completed, failed = change.new.get("completedIndexes", ""), change.new.get("failedIndexes")
    completions, limit = change.spec.get("completions"), change.spec.get("backoffLimitPerIndex")
    of_completed, of_failed = _STATUS.child("completedIndexes"), _STATUS.child("failedIndexes")
    new_completed, new_failed = change.changed("completedIndexes"), change.changed("failedIndexes")
    errors: ErrorList = []
    if new_completed and completions is not None:
        errors += _parsed(of_completed, completed, completions, "completedIndexes")
    if new_failed and completions is not None and limit is not None and failed is not None:
        errors += _parsed(of_failed, failed, completions, "failedIndexes")
    if new_completed and completed and not is_indexed(change.spec):
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid(of_completed, completed, detail))
    if new_failed and failed is not None and limit is None:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid(of_failed, failed, detail))
    if (new_completed or new_failed) and completions is not None and failed is not None:
        index = first_overlap(completed, failed, completions)
        if index is not None:
            detail = f"failedIndexes and completedIndexes overlap at index: {index}"
            errors.append(invalid(of_failed, failed, detail))
    return errors


def _parsed(path: Path, text: str, completions: int, field: str) -> ErrorList:
    try:
        count_indexes(text, completions)
    except ValueError as error:
        return [invalid(path, text, f"error parsing {field}: {error}")]
    return []


def _pods(change: _Change) -> ErrorList:
    errors: ErrorList = []
    new = change.new
    if change.finished_with("terminating") and new.get("terminating", 0) > 0:
        detail = "terminating>0 is invalid for finished job"
        errors.append(invalid(_STATUS.child("terminating"), new["terminating"], detail))
    if change.changed("ready", "active") and new.get("ready", 0) > new.get("active", 0):
        errors.append(invalid(_STATUS.child("ready"), new["ready"], "cannot set more ready pods than active"))
    return errors


def _success(change: _Change) -> ErrorList:
    """What contradicts that the success criteria are met, whatever the write changes."""
    met = change.has("SuccessCriteriaMet")
    details = []
    if met and change.failed:
        details.append("cannot set SuccessCriteriaMet=True and Failed=true conditions")
    if met and change.has("FailureTarget"):
        details.append("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
    if change.spec.get("successPolicy") is not None and not met and change.complete:
        details.append("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True")
    return [invalid_bare(_CONDITIONS, detail) for detail in details]


def _transitions(change: _Change) -> ErrorList:
    """What goes one way only."""
    errors = [
        invalid_bare(_CONDITIONS, f"cannot disable the terminal {kind}=True condition")
        for kind in _TERMINAL
        if _has(change.old, kind) and not change.has(kind)
    ]
    errors += _decreases(change)
    new, old = change.new, change.old
    time, before = new.get("completionTime"), old.get("completionTime")
    if time is not None and before is not None and time != before:
        errors.append(invalid(_STATUS.child("completionTime"), time, "completionTime cannot be mutated"))
    start = old.get("startTime")
    if start is not None and start != new.get("startTime") and not change.spec.get("suspend"):
        detail = "field is immutable for unsuspended job once set"
        errors.append(invalid(_STATUS.child("startTime"), new.get("startTime"), detail))
    met, was_met = change.has("SuccessCriteriaMet"), _has(old, "SuccessCriteriaMet")
    if was_met and not met:
        detail = "cannot disable the SuccessCriteriaMet=True condition"
        errors.append(invalid_bare(_CONDITIONS, detail))
    if _has(old, "Complete") and not was_met and met:
        detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(invalid_bare(_CONDITIONS, detail))
    return errors


def _decreases(change: _Change) -> ErrorList:
    """Counters; that of successes shrinks when an Indexed Job of as many pods as completions does."""
    spec = change.spec
    elastic = is_indexed(spec) and spec.get("completions") == spec.get("parallelism")
    fields = ("failed",) if elastic else ("failed", "succeeded")
    return [
        invalid(_STATUS.child(field), change.new.get(field, 0), f"cannot decrease the {field} counter")
        for field in fields
        if change.new.get(field, 0) < change.old.get(field, 0)
    ]
