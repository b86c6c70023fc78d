"""Defaults of Jobs and CronJobs."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.defaults.pod import set_defaults_pod_template_spec

_RETRIES = 6
_NO_LIMIT = 2**31 - 1


def set_defaults_job(obj: Object) -> None:
    """A Job without labels takes its template's: the very same dict, as upstream, so that labels which the
    server adds to the template later are the Job's as well."""
    spec: Object = obj.setdefault("spec", {})
    template = spec.setdefault("template", {})
    set_defaults_pod_template_spec(template)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = _RETRIES if spec.get("backoffLimitPerIndex") is None else _NO_LIMIT
    labels = (template.get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = labels
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    policy = spec.get("podFailurePolicy")
    for rule in (policy or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if policy is None else "Failed")


def set_defaults_cron_job(obj: Object) -> None:
    """Of the job template only the pod template gets defaults; the rest come when the Job is made."""
    spec: Object = obj.setdefault("spec", {})
    job = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    set_defaults_pod_template_spec(job.setdefault("template", {}))
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
