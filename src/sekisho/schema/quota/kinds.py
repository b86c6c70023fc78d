"""Which evaluator a kind has."""

from __future__ import annotations

from sekisho.schema.quota.claims import ClaimEvaluator
from sekisho.schema.quota.devices import DeviceClaimEvaluator
from sekisho.schema.quota.evaluator import Evaluator
from sekisho.schema.quota.pods import PodEvaluator
from sekisho.schema.quota.services import ServiceEvaluator

_SPECIAL = {
    ("", "pods"): PodEvaluator,
    ("", "services"): ServiceEvaluator,
    ("", "persistentvolumeclaims"): ClaimEvaluator,
    ("resource.k8s.io", "resourceclaims"): DeviceClaimEvaluator,
}

IGNORED = frozenset(
    [
        ("", "bindings"),
        ("", "componentstatuses"),
        ("", "events"),
        ("authentication.k8s.io", "tokenreviews"),
        *(
            ("authorization.k8s.io", name)
            for name in (
                "subjectaccessreviews",
                "selfsubjectaccessreviews",
                "localsubjectaccessreviews",
                "selfsubjectrulesreviews",
            )
        ),
    ]
)
"""Kinds that no quota is asked about, by (group, resource): they are not stored, or come and go by themselves."""


def evaluator_for(group: str, resource: str) -> Evaluator:
    special = _SPECIAL.get((group, resource))
    return special() if special else Evaluator(group, resource)
