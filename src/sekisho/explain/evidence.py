"""What decided a request: references that authorizers leave with their verdict.

They live here, below the authorizers, so that explanations can read them without importing the code that
decides. Evidence is a reference made on the hot path (or once per grant and rule); sentences are made
when somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.api.rbac import Binding, Rule, Subject
from sekisho.api.types import Object, Verdict


@dataclass(frozen=True, slots=True)
class BindingRef:
    """A RoleBinding or ClusterRoleBinding (namespace empty) and the role it refers to."""

    kind: str
    namespace: str
    name: str
    role_kind: str
    role_name: str

    @classmethod
    def of(cls, binding: Binding) -> BindingRef:
        return cls(binding.kind, binding.namespace, binding.name, binding.role_kind, binding.role_name)

    @property
    def role_namespace(self) -> str:
        return self.namespace if self.role_kind == "Role" else ""

    def to_object(self) -> Object:
        out: Object = {"kind": self.kind}
        if self.namespace:
            out["namespace"] = self.namespace
        out["name"] = self.name
        out["roleRef"] = {"kind": self.role_kind, "name": self.role_name}
        return out


@dataclass(frozen=True, slots=True)
class GrantEvidence:
    """RBAC allowed: this binding names this subject, and this rule of its role covers the request."""

    binding: BindingRef
    subject: Subject
    rule_index: int
    rule: Object

    @classmethod
    def of(cls, binding: Binding, subject: Subject, rule: Rule) -> GrantEvidence:
        return cls(BindingRef.of(binding), subject, rule.index, rule.obj)

    def to_object(self) -> Object:
        return {
            "authorizer": "RBAC",
            "binding": self.binding.to_object(),
            "subject": self.subject.to_object(),
            "ruleIndex": self.rule_index,
            "rule": self.rule,
        }


@dataclass(frozen=True, slots=True)
class NodeEvidence:
    """The Node authorizer allowed: a fixed permission of nodes, or a path through the graph from the object
    to the node (`kind:namespace/name` of each step, the node last)."""

    node: str
    permission: str
    path: tuple[str, ...] = ()

    def to_object(self) -> Object:
        out: Object = {"authorizer": "Node", "node": self.node, "permission": self.permission}
        if self.path:
            out["path"] = list(self.path)
        return out


@dataclass(frozen=True, slots=True)
class PolicyLineEvidence:
    """ABAC allowed: the policy on this line of the file (counted from 1)."""

    file: str
    line: int
    policy: Object

    def to_object(self) -> Object:
        return {"authorizer": "ABAC", "file": self.file, "line": self.line, "policy": self.policy}


@dataclass(frozen=True, slots=True)
class WebhookEvidence:
    """A webhook answered, or did not (`error`), and whether its answer came from the cache."""

    name: str
    cached: bool = False
    error: str = ""

    def to_object(self) -> Object:
        out: Object = {"authorizer": "Webhook", "name": self.name, "cached": self.cached}
        if self.error:
            out["error"] = self.error
        return out


@dataclass(frozen=True, slots=True)
class FixedEvidence:
    """An authorizer that looks at nothing (AlwaysAllow, AlwaysDeny) or at the user's group alone."""

    authorizer: str
    group: str = ""

    def to_object(self) -> Object:
        out: Object = {"authorizer": self.authorizer}
        if self.group:
            out["group"] = self.group
        return out


@dataclass(frozen=True, slots=True)
class Refusals:
    """Nobody allowed: each authorizer by name with its own verdict, in the order in which they were asked."""

    verdicts: tuple[tuple[str, Verdict], ...]

    def to_object(self) -> Object:
        return {"asked": [_answer(name, verdict) for name, verdict in self.verdicts]}


def _answer(name: str, verdict: Verdict) -> Object:
    out: Object = {"authorizer": name, "decision": verdict.decision.value}
    if verdict.reason:
        out["reason"] = verdict.reason
    if verdict.error:
        out["error"] = verdict.error
    return out


@dataclass(frozen=True, slots=True)
class LetThrough:
    """Soft mode: the request would have been refused with `verdict`, and was let through for `scope`."""

    scope: str
    verdict: Verdict

    def to_object(self) -> Object:
        return {"softMode": self.scope, "reason": self.verdict.reason}
