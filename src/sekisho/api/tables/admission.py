"""Webhook configurations, admission policies and their bindings."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

GROUP = "admissionregistration.k8s.io"


def _webhooks(obj: Object, now: float) -> Cells:
    return [cells.name(obj), len(obj.get("webhooks") or ()), cells.age(obj, now)]


def _validating_policy(obj: Object, now: float) -> Cells:
    return _policy(obj, now, "validations")


def _mutating_policy(obj: Object, now: float) -> Cells:
    return _policy(obj, now, "mutations")


def _policy(obj: Object, now: float, rules: str) -> Cells:
    spec = cells.part(obj, "spec")
    kind = spec.get("paramKind")
    shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else cells.UNSET
    return [cells.name(obj), len(spec.get(rules) or ()), shown, cells.age(obj, now)]


def _binding(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    return [cells.name(obj), spec.get("policyName", ""), _param(spec.get("paramRef")), cells.age(obj, now)]


def _param(reference: Object | None) -> str:
    if not reference:
        return cells.UNSET
    if reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    selector = reference.get("selector")
    return cells.UNSET if selector is None else _go_selector(selector)


def _go_selector(selector: Object) -> str:
    """A LabelSelector as its Go type prints itself."""
    labels = "".join(f"{k}: {v}," for k, v in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{e.get('key', '')},Operator:{e.get('operator', '')},"
        f"Values:[{' '.join(e.get('values') or ())}],}},"
        for e in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


_WEBHOOKS = TablePrinter(
    [NAME, column("Webhooks", "Number of webhooks in the configuration.", "integer"), AGE], _webhooks
)
_PARAM_KIND = column("ParamKind", "Kind of the policy's parameters.")
_BINDING = TablePrinter(
    [
        NAME,
        column("PolicyName", "Policy that is bound."),
        column("ParamRef", "Parameters it is bound with."),
        AGE,
    ],
    _binding,
)

TABLES: Tables = {
    (GROUP, "MutatingWebhookConfiguration"): _WEBHOOKS,
    (GROUP, "ValidatingWebhookConfiguration"): _WEBHOOKS,
    (GROUP, "ValidatingAdmissionPolicy"): TablePrinter(
        [NAME, column("Validations", "Number of rules.", "integer"), _PARAM_KIND, AGE], _validating_policy
    ),
    (GROUP, "MutatingAdmissionPolicy"): TablePrinter(
        [NAME, column("Mutations", "Number of rules.", "integer"), _PARAM_KIND, AGE], _mutating_policy
    ),
    (GROUP, "ValidatingAdmissionPolicyBinding"): _BINDING,
    (GROUP, "MutatingAdmissionPolicyBinding"): _BINDING,
}
