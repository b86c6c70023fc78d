"""The condition of an APIService, and the APIServices that this server is itself."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.schema.resourcetable import GROUPS

AVAILABLE = "Available"
AGGREGATOR_GROUP = "apiregistration.k8s.io"
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
"""The label of APIServices that the server makes: `onstart` for its own groups, `true` for those of custom
resources."""
CUSTOM_GROUP_PRIORITY = 1000
CUSTOM_VERSION_PRIORITY = 100


def with_condition(status: Object, condition: Object, now: str) -> Object:
    """The status, copied, with the condition added or replaced; its time is kept while its status is."""
    conditions = list(status.get("conditions") or ())
    place = next((i for i, c in enumerate(conditions) if c.get("type") == condition["type"]), len(conditions))
    since = now
    if place < len(conditions) and conditions[place].get("status") == condition["status"]:
        since = conditions[place].get("lastTransitionTime") or now
    new = {
        "type": condition["type"],
        "status": condition["status"],
        "lastTransitionTime": since,
        "reason": condition["reason"],
        "message": condition["message"],
    }
    conditions[place : place + 1] = [new]
    return {**status, "conditions": conditions}


def local_condition() -> Object:
    """What holds for an APIService without a service: this server answers for it."""
    return {
        "type": AVAILABLE,
        "status": "True",
        "reason": "Local",
        "message": "Local APIServices are always available",
    }


def own_api_services() -> list[Object]:
    """One APIService for each built-in group and version but the aggregator's own."""
    return [
        local_api_service(group, version, priority, version_priority, "onstart")
        for group, priority, versions in GROUPS
        if group != AGGREGATOR_GROUP
        for version, version_priority in versions
    ]


def local_api_service(
    group: str, version: str, group_priority: int, version_priority: int, managed: str
) -> Object:
    return {
        "apiVersion": f"{AGGREGATOR_GROUP}/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}", "labels": {MANAGED: managed}},
        "spec": {
            **({"group": group} if group else {}),
            "version": version,
            "groupPriorityMinimum": group_priority,
            "versionPriority": version_priority,
        },
    }
