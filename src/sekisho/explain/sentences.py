"""The phrases that all explanations share."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.rbac import SERVICE_ACCOUNT, Subject, combined_resource
from sekisho.api.types import Attributes, Object
from sekisho.explain.evidence import BindingRef


def request_text(a: Attributes) -> str:
    """`get pods/log "web" in namespace shop`, `list nodes at the cluster scope`, `get path /metrics`."""
    if not a.resource_request:
        return f"{a.verb} path {a.path}"
    what = resource_text(a.api_group, combined_resource(a.resource, a.subresource))
    name = f' "{a.name}"' if a.name else ""
    where = f"in namespace {a.namespace}" if a.namespace else "at the cluster scope"
    return f"{a.verb} {what}{name} {where}"


def resource_text(group: str, combined: str) -> str:
    """`deployments.apps/scale`, `pods`."""
    if not group:
        return combined
    resource, slash, subresource = combined.partition("/")
    return f"{resource}.{group}{slash}{subresource}"


def subject_text(subject: Subject) -> str:
    """`user bob`, `group dev`, `service account shop/robot`."""
    if subject.kind == SERVICE_ACCOUNT:
        return f"service account {subject.namespace}/{subject.name}"
    return f"{subject.kind.lower()} {subject.name}"


def binding_text(ref: BindingRef) -> str:
    """`RoleBinding shop/readers`, `ClusterRoleBinding admins`."""
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def role_text(kind: str, name: str) -> str:
    return f"{kind} {name}"


def rule_sentence(rule: Object) -> str:
    """`get, list of pods, services`, with names and groups where there are any."""
    verbs = listed(rule.get("verbs") or ())
    urls = rule.get("nonResourceURLs")
    if urls:
        return f"{verbs} of paths {listed(urls)}"
    groups = rule.get("apiGroups") or ()
    text = f"{verbs} of {listed(rule.get('resources') or ())}"
    if list(groups) != [""]:
        text += f" in API groups {listed(g or 'core' for g in groups)}"
    names = rule.get("resourceNames")
    return f"{text} named {listed(names)}" if names else text


def listed(items: Iterable[str]) -> str:
    return ", ".join(items)
