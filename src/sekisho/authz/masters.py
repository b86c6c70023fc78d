"""The group that may do everything: asked first, before any configured authorizer, with an empty reason.

It is what keeps a cluster administrable when every role and binding is gone.
"""

from __future__ import annotations

from sekisho.api.types import MASTERS, Attributes, Decision, Rules, UserInfo, Verdict
from sekisho.explain.evidence import FixedEvidence

NAME = "SystemMasters"
_ALLOW = Verdict(Decision.ALLOW, evidence=FixedEvidence(NAME, MASTERS))
_NO_OPINION = Verdict(Decision.NO_OPINION)


class MastersAuthorizer:
    """Allows members of `system:masters`; it adds nothing to rules reviews, as upstream's does not."""

    name = NAME

    def decide(self, attributes: Attributes) -> Verdict:
        return _ALLOW if MASTERS in attributes.user.groups else _NO_OPINION

    async def authorize(self, attributes: Attributes) -> Verdict:
        return self.decide(attributes)

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        return Rules([], [])
