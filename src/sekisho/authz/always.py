"""AlwaysAllow and AlwaysDeny, for tests and for clusters that do without authorization.

AlwaysDeny has no opinion rather than denying: an authorizer after it may still allow.
"""

from __future__ import annotations

from sekisho.api.types import Attributes, Decision, Rules, UserInfo, Verdict
from sekisho.explain.evidence import FixedEvidence

_ALLOW = Verdict(Decision.ALLOW, evidence=FixedEvidence("AlwaysAllow"))
_FORBIDDEN = Verdict(Decision.NO_OPINION, "Everything is forbidden.", evidence=FixedEvidence("AlwaysDeny"))


class AlwaysAllowAuthorizer:
    name = "AlwaysAllow"

    def decide(self, attributes: Attributes) -> Verdict:
        return _ALLOW

    async def authorize(self, attributes: Attributes) -> Verdict:
        return _ALLOW

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        return Rules([everything], [{"verbs": ["*"], "nonResourceURLs": ["*"]}])


class AlwaysDenyAuthorizer:
    name = "AlwaysDeny"

    def decide(self, attributes: Attributes) -> Verdict:
        return _FORBIDDEN

    async def authorize(self, attributes: Attributes) -> Verdict:
        return _FORBIDDEN

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        return Rules([], [])
