"""The RBAC authorizer: allow or no opinion, from the index.

An allowed decision is remembered on the grant with its reason and evidence, so that asking again
makes nothing new. Texts are upstream's (plugin/pkg/auth/authorizer/rbac).
"""

from __future__ import annotations

from sekisho.api.goformat import aggregate
from sekisho.api.rbac import Rule
from sekisho.api.types import Attributes, Decision, Object, Rules, UserInfo, Verdict
from sekisho.authz.index import Grant, RbacIndex
from sekisho.explain.evidence import GrantEvidence

NAME = "RBAC"
_NO_OPINION = Verdict(Decision.NO_OPINION)


class RbacAuthorizer:
    """Decides from an index that somebody else keeps up to date."""

    name = NAME

    def __init__(self, index: RbacIndex) -> None:
        self.index = index

    def decide(self, attributes: Attributes) -> Verdict:
        found = self.index.first(attributes)
        if found is not None:
            grant, rule = found
            memo = grant.memo
            if memo is not None and memo[0] is rule:
                return memo[1]
            verdict = _allowed(grant, rule)
            grant.memo = (rule, verdict)
            return verdict
        errors = self.index.errors(attributes.user, attributes.namespace)
        if not errors:
            return _NO_OPINION
        return Verdict(Decision.NO_OPINION, f"RBAC: {aggregate(errors)}")

    async def authorize(self, attributes: Attributes) -> Verdict:
        return self.decide(attributes)

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Every rule the user holds, in the walk's order and unmerged; errors do not make it incomplete."""
        resource_rules: list[Object] = []
        path_rules: list[Object] = []
        for grant in self.index.walk(user, namespace):
            role = grant.slot.role
            for rule in role.rules if role is not None else ():
                if rule.resources:
                    resource_rules.append(_resource_rule(rule.obj))
                if rule.urls:
                    path_rules.append(_path_rule(rule.obj))
        errors = self.index.errors(user, namespace)
        return Rules(resource_rules, path_rules, False, aggregate(errors) if errors else "")


def _allowed(grant: Grant, rule: Rule) -> Verdict:
    reason = grant.binding.reason(grant.subject)
    return Verdict(Decision.ALLOW, reason, evidence=GrantEvidence.of(grant.binding, grant.subject, rule))


def _resource_rule(rule: Object) -> Object:
    out: Object = {"verbs": list(rule.get("verbs") or ())}
    for key in ("apiGroups", "resources", "resourceNames"):
        if rule.get(key):
            out[key] = list(rule[key])
    return out


def _path_rule(rule: Object) -> Object:
    return {"verbs": list(rule.get("verbs") or ()), "nonResourceURLs": list(rule["nonResourceURLs"])}
