"""Jobs and cron jobs."""

from __future__ import annotations

from sekisho.api import time
from sekisho.api.tables import cells
from sekisho.api.tables.printer import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    SELECTOR,
    Cells,
    TablePrinter,
    Tables,
    column,
)
from sekisho.api.types import Object


def _job(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    return [
        cells.name(obj),
        _status(obj),
        _completions(obj),
        _duration(obj, now),
        cells.age(obj, now),
        *cells.containers(cells.part(spec, "template")),
        cells.label_selector(spec.get("selector")),
    ]


def _status(obj: Object) -> str:
    if cells.condition_status(obj, "Complete") == "True":
        return "Complete"
    if cells.condition_status(obj, "Failed") == "True":
        return "Failed"
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for type_ in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if cells.condition_status(obj, type_) == "True":
            return type_
    return "Running"


def _completions(obj: Object) -> str:
    spec = cells.part(obj, "spec")
    done = cells.part(obj, "status").get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallel = spec.get("parallelism") or 0
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(obj: Object, now: float) -> str:
    status = cells.part(obj, "status")
    if not status.get("startTime"):
        return ""
    end = time.parse_time(status["completionTime"]) if status.get("completionTime") else now
    return time.human_duration(end - time.parse_time(status["startTime"]))


def _cron_job(obj: Object, now: float) -> Cells:
    spec, status = cells.part(obj, "spec"), cells.part(obj, "status")
    suspend = spec.get("suspend")
    job = cells.part(spec, "jobTemplate", "spec")
    last = status.get("lastScheduleTime")
    zone = spec.get("timeZone")
    return [
        cells.name(obj),
        spec.get("schedule", ""),
        cells.NONE if zone is None else zone,
        cells.UNSET if suspend is None else str(suspend),
        len(status.get("active") or ()),
        cells.since(last, now) if last else cells.NONE,
        cells.age(obj, now),
        *cells.containers(cells.part(job, "template")),
        cells.label_selector(job.get("selector")),
    ]


TABLES: Tables = {
    ("batch", "Job"): TablePrinter(
        [
            NAME,
            column("Status", "How far the job is, in a word."),
            column("Completions", "Pods that have succeeded, of those that must."),
            column("Duration", "How long the job has run."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        _job,
    ),
    ("batch", "CronJob"): TablePrinter(
        [
            NAME,
            column("Schedule", "When jobs are made, in cron's format."),
            column("Timezone", "Time zone of the schedule."),
            column("Suspend", "Whether no more jobs are made.", "boolean"),
            column("Active", "Number of jobs that run.", "integer"),
            column("Last Schedule", "Time since a job was made last."),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        _cron_job,
    ),
}
