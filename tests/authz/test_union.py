"""The chain: the first that decides decides; reasons, errors and rules of all the others."""

from __future__ import annotations

import asyncio

from sekisho.api.types import Attributes, Decision, Rules, UserInfo, Verdict
from sekisho.authz.always import AlwaysAllowAuthorizer, AlwaysDenyAuthorizer
from sekisho.authz.masters import MastersAuthorizer
from sekisho.authz.union import UnionAuthorizer

BOB = UserInfo("bob")


class Fixed:
    """An authorizer that has to be awaited."""

    def __init__(self, name, decision, reason="", error="", rules=None):
        self.name = name
        self.verdict = Verdict(decision, reason, error)
        self.rules = rules or Rules([], [])

    async def authorize(self, attributes):
        return self.verdict

    async def rules_for(self, user, namespace):
        return self.rules


def ask(*authorizers, user=BOB, observe=None):
    chain = UnionAuthorizer(authorizers, observe)
    return asyncio.run(chain.authorize(Attributes(user, "get", resource="pods")))


def test_the_first_decision_stands_alone():
    told = []
    passing = Fixed("a", Decision.NO_OPINION, "no", "broken")
    verdict = ask(
        passing,
        Fixed("b", Decision.DENY, "never"),
        AlwaysAllowAuthorizer(),
        observe=lambda *what: told.append(what),
    )
    assert (verdict.decision, verdict.reason, verdict.error) == (Decision.DENY, "never", "")
    assert told == [("b", "b", Decision.DENY)]


def test_without_a_decision_all_are_heard():
    verdict = ask(
        Fixed("a", Decision.NO_OPINION, "one", "x"),
        Fixed("b", Decision.NO_OPINION, "", "y"),
        AlwaysDenyAuthorizer(),
    )
    assert verdict.decision is Decision.NO_OPINION
    assert verdict.reason == "one\nEverything is forbidden."
    assert verdict.error == "[x, y]"
    assert [name for name, _ in verdict.evidence.verdicts] == ["a", "b", "AlwaysDeny"]
    assert verdict.evidence.to_object()["asked"][0] == {
        "authorizer": "a",
        "decision": "no opinion",
        "reason": "one",
        "error": "x",
    }


def test_masters_are_allowed_without_a_reason():
    root = UserInfo("root", groups=("system:masters",))
    verdict = ask(MastersAuthorizer(), AlwaysDenyAuthorizer(), user=root)
    assert verdict.allowed
    assert verdict.reason == ""
    assert not ask(MastersAuthorizer(), AlwaysDenyAuthorizer()).allowed


def test_rules_are_appended_in_order():
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    chain = UnionAuthorizer(
        [
            MastersAuthorizer(),
            Fixed("a", Decision.NO_OPINION, rules=Rules([rule], [], True, "e")),
            AlwaysAllowAuthorizer(),
            AlwaysDenyAuthorizer(),
        ]
    )
    rules = asyncio.run(chain.rules_for(BOB, "n"))
    assert rules.resource_rules == [rule, {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    assert rules.non_resource_rules == [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    assert rules.incomplete
    assert rules.error == "e"
