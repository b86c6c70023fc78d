"""What kind of thing a compute resource's name stands for (k8s.io/kubernetes/pkg/apis/core/helper)."""

from __future__ import annotations

from sekisho.api import names

HUGE_PAGES = "hugepages-"

CONTAINER_RESOURCES = frozenset(("cpu", "memory", "ephemeral-storage"))

INTEGER_RESOURCES = frozenset(
    (
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    )
)

QUOTA_RESOURCES = INTEGER_RESOURCES | frozenset(
    (
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
    )
)

STANDARD_RESOURCES = QUOTA_RESOURCES | {"storage"}


def is_huge_page(name: str) -> bool:
    return name.startswith(HUGE_PAGES)


def is_quota_huge_page(name: str) -> bool:
    return name.startswith((HUGE_PAGES, "requests." + HUGE_PAGES))


def is_native(name: str) -> bool:
    """Kubernetes' own: without a domain, or in the kubernetes.io domain."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """A device or other countable thing that a node advertises under a foreign domain."""
    return (
        not is_native(name)
        and not name.startswith("requests.")
        and not names.qualified_name("requests." + name)
    )


def is_integer(name: str) -> bool:
    """Whether amounts have no fraction."""
    return name in INTEGER_RESOURCES or is_extended(name)


def allows_overcommit(name: str) -> bool:
    """Whether a limit may exceed its request."""
    return is_native(name) and not is_huge_page(name)


def is_standard(name: str) -> bool:
    return name in STANDARD_RESOURCES or is_quota_huge_page(name)


def is_standard_for_containers(name: str) -> bool:
    return name in CONTAINER_RESOURCES or is_huge_page(name)


def is_standard_for_quota(name: str) -> bool:
    return name in QUOTA_RESOURCES or is_quota_huge_page(name)


def is_pod_level(name: str) -> bool:
    """Whether a pod as a whole can ask for it (KEP-2837)."""
    return name in ("cpu", "memory") or is_huge_page(name)
