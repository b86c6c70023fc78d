"""Jobs and CronJobs."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path
from sekisho.api.goformat import quote
from sekisho.api.types import Object
from sekisho.registry.kinds.workloads import TwiceCheckedStrategy, WorkloadStrategy, generation_changed
from sekisho.registry.strategy import Context, StatusStrategy
from sekisho.schema.defaults.batch import set_defaults_cron_job, set_defaults_job
from sekisho.schema.validation.cronjob import (
    ZONE_WARNING,
    uses_zone,
    validate_cron_job,
    validate_cron_job_update,
)
from sekisho.schema.validation.job import (
    CONTROLLER_UID,
    JOB_NAME,
    LEGACY_CONTROLLER_UID,
    LEGACY_JOB_NAME,
    JobOptions,
    job_spec_warnings,
    validate_job,
)
from sekisho.schema.validation.jobstatus import validate_job_status_update
from sekisho.schema.validation.jobupdate import job_options_for_update, validate_job_update
from sekisho.schema.validation.options import FOR_TEMPLATE
from sekisho.schema.validation.workload import name_warnings


class JobStrategy(TwiceCheckedStrategy):
    orphans_by_default = True
    orphan_warning = (
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them"
        " or set propagationPolicy=Orphan to suppress this warning"
    )
    field_labels = frozenset(("status.successful",))

    def default(self, obj: Object) -> None:
        set_defaults_job(obj)

    def fields(self, obj: Object) -> dict[str, str]:
        return {"status.successful": str((obj.get("status") or {}).get("succeeded", 0))}

    def unknown_field_message(self, label: str) -> str:
        return f"field label {quote(label)} not supported for Job"

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        super().prepare_for_create(ctx, obj)
        if not obj["spec"]["manualSelector"]:
            _generate_selector(obj)
        labels = self.template(obj)["metadata"].get("labels")
        if labels and not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_job(obj, JobOptions())

    def validate_again(self, new: Object, old: Object) -> ErrorList:
        return validate_job(new, job_options_for_update(old))

    def validate_change(self, new: Object, old: Object) -> ErrorList:
        return validate_job_update(new, old, job_options_for_update(old))

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return name_warnings(obj["metadata"]["name"]) + job_spec_warnings(obj["spec"], Path("spec"))

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return job_spec_warnings(new["spec"], Path("spec")) if generation_changed(new, old) else []


def _generate_selector(obj: Object) -> None:
    """Labels of the template that no other Job has, and a selector for them. What the client gave stays:
    validation refuses it when it is wrong."""
    metadata, spec = obj["metadata"], obj["spec"]
    template = spec["template"].setdefault("metadata", {})
    shared = _shares_labels(metadata, template)
    generated = {
        LEGACY_JOB_NAME: metadata["name"],
        JOB_NAME: metadata["name"],
        LEGACY_CONTROLLER_UID: metadata["uid"],
        CONTROLLER_UID: metadata["uid"],
    }
    template["labels"] = dict(sorted({**generated, **(template.get("labels") or {})}.items()))
    if shared:
        metadata["labels"] = dict(template["labels"])
    selector = spec.get("selector") or {}
    wanted = {CONTROLLER_UID: metadata["uid"], **(selector.get("matchLabels") or {})}
    spec["selector"] = {**selector, "matchLabels": dict(sorted(wanted.items()))}


def _shares_labels(metadata: Object, template: Object) -> bool:
    """Whether the Job's labels are its template's, see `set_defaults_job`. That they are one object cannot be seen
    once the object was copied for its generated name; then equal ones are taken for one."""
    own, others = metadata.get("labels"), template.get("labels")
    if not own or not others:
        return False
    return own is others or bool(metadata.get("generateName") and own == others)


class JobStatusStrategy(StatusStrategy):
    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_job_status_update(new, old)


class CronJobStrategy(WorkloadStrategy):
    template_path = ("spec", "jobTemplate", "spec", "template")

    def default(self, obj: Object) -> None:
        set_defaults_cron_job(obj)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_cron_job(obj, FOR_TEMPLATE)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_cron_job_update(new, old, self.options(old))

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return name_warnings(obj["metadata"]["name"]) + _job_warnings(obj)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        warnings = _job_warnings(new) if generation_changed(new, old) else []
        return [*warnings, ZONE_WARNING] if uses_zone(new) else warnings


def _job_warnings(obj: Object) -> list[str]:
    return job_spec_warnings(obj["spec"]["jobTemplate"]["spec"], Path("spec.jobTemplate.spec"))
