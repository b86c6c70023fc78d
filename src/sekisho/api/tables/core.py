"""Core kinds that are no workload: namespaces, configuration, accounts, quotas, templates, component states."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object


def _namespace(obj: Object, now: float) -> Cells:
    return [cells.name(obj), cells.part(obj, "status").get("phase", ""), cells.age(obj, now)]


def _config_map(obj: Object, now: float) -> Cells:
    count = len(cells.part(obj, "data")) + len(cells.part(obj, "binaryData"))
    return [cells.name(obj), count, cells.age(obj, now)]


def _secret(obj: Object, now: float) -> Cells:
    return [cells.name(obj), obj.get("type", ""), len(cells.part(obj, "data")), cells.age(obj, now)]


def _service_account(obj: Object, now: float) -> Cells:
    return [cells.name(obj), cells.age(obj, now)]


def _service_account_with_secrets(obj: Object, now: float) -> Cells:
    return [cells.name(obj), len(obj.get("secrets") or ()), cells.age(obj, now)]


def _resource_quota(obj: Object, now: float) -> Cells:
    hard, used = cells.part(obj, "status", "hard"), cells.part(obj, "status", "used")
    shares: dict[bool, list[str]] = {True: [], False: []}
    for resource in sorted(hard):
        text = f"{resource}: {used.get(resource, '0')}/{hard[resource]}"
        shares[resource.startswith("limits.")].append(text)
    return [cells.name(obj), ", ".join(shares[False]), ", ".join(shares[True]), cells.age(obj, now)]


def _pod_template(obj: Object, now: float) -> Cells:
    template = cells.part(obj, "template")
    labels = cells.labels(cells.part(template, "metadata").get("labels"))
    return [cells.name(obj), *cells.containers(template), labels]


def _component_status(obj: Object, now: float) -> Cells:
    for condition in obj.get("conditions") or ():
        if condition.get("type") == "Healthy":
            status = "Healthy" if condition.get("status") == "True" else "Unhealthy"
            return [cells.name(obj), status, condition.get("message", ""), condition.get("error", "")]
    return [cells.name(obj), "Unknown", "", ""]


SERVICE_ACCOUNTS_WITH_SECRETS = TablePrinter(
    [NAME, column("Secrets", "Number of Secrets that pods of this account may use."), AGE],
    _service_account_with_secrets,
)

TABLES: Tables = {
    ("", "Namespace"): TablePrinter(
        [NAME, column("Status", "Phase of the namespace's life."), AGE], _namespace
    ),
    ("", "ConfigMap"): TablePrinter([NAME, column("Data", "Number of entries."), AGE], _config_map),
    ("", "Secret"): TablePrinter(
        [NAME, column("Type", "What the secret is for."), column("Data", "Number of entries."), AGE],
        _secret,
    ),
    ("", "ServiceAccount"): TablePrinter([NAME, AGE], _service_account),
    ("", "ResourceQuota"): TablePrinter(
        [
            NAME,
            column("Request", "What is used and allowed of counts and requests."),
            column("Limit", "What is used and allowed of limits."),
            AGE,
        ],
        _resource_quota,
    ),
    ("", "PodTemplate"): TablePrinter(
        [
            NAME,
            column("Containers", "Names of the template's containers."),
            column("Images", "Images of the template's containers."),
            column("Pod Labels", "Labels that pods of the template get."),
        ],
        _pod_template,
    ),
    ("", "ComponentStatus"): TablePrinter(
        [
            NAME,
            column("Status", "Whether the component is healthy."),
            column("Message", "What its last check said."),
            column("Error", "What its last check failed with."),
        ],
        _component_status,
    ),
}
