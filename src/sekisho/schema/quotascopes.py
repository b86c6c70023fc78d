"""Scopes of ResourceQuotas: their names, and which resources can be counted within each."""

from __future__ import annotations

TERMINATING = "Terminating"
NOT_TERMINATING = "NotTerminating"
BEST_EFFORT = "BestEffort"
NOT_BEST_EFFORT = "NotBestEffort"
PRIORITY_CLASS = "PriorityClass"
CROSS_NAMESPACE_AFFINITY = "CrossNamespacePodAffinity"
VOLUME_ATTRIBUTES_CLASS = "VolumeAttributesClass"

EXISTING_ONLY = (TERMINATING, NOT_TERMINATING, BEST_EFFORT, NOT_BEST_EFFORT, CROSS_NAMESPACE_AFFINITY)
"""Scopes that a selector can only ask to exist."""
SCOPES = frozenset((*EXISTING_ONLY, PRIORITY_CLASS, VOLUME_ATTRIBUTES_CLASS))
CONTRADICTIONS = ((BEST_EFFORT, NOT_BEST_EFFORT), (TERMINATING, NOT_TERMINATING))

_COMPUTE = frozenset(("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"))


def suits(scope: str, resource: str) -> bool:
    """Whether a standard resource can be counted in a scope. Unknown scopes are somebody else's complaint."""
    if scope == BEST_EFFORT:
        return resource == "pods"
    if scope == VOLUME_ATTRIBUTES_CLASS:
        return resource in ("persistentvolumeclaims", "requests.storage")
    if scope in SCOPES:
        return resource == "pods" or resource in _COMPUTE
    return True
