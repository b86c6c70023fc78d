"""Access reviews: what is asked of the chain, what is answered, what is refused."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.api.status import StatusError
from sekisho.api.types import Decision, Requirement, Rules, UserInfo, Verdict
from sekisho.authz.reviews import LOCAL, SELF, SUBJECT, attributes_of, review, rules_review

BOB = UserInfo("bob", groups=("dev",))


class Fixed:
    def __init__(self, decision=Decision.NO_OPINION, reason="", error=""):
        self.verdict = Verdict(decision, reason, error)
        self.asked = []

    async def authorize(self, attributes):
        self.asked.append(attributes)
        return self.verdict

    async def rules_for(self, user, namespace):
        return Rules([{"verbs": ["get"]}], [], True, "oops")


def ask(kind, spec, authorizer=None, metadata=None):
    obj = {"kind": kind, "apiVersion": "authorization.k8s.io/v1", "metadata": metadata or {}, "spec": spec}
    return asyncio.run(review(authorizer or Fixed(), kind, obj, BOB))


def refused(kind, spec, metadata=None):
    with pytest.raises(StatusError) as caught:
        ask(kind, spec, metadata=metadata)
    assert caught.value.details.keys() == {"group", "causes"}
    return caught.value.message.removeprefix('.authorization.k8s.io "" is invalid: ')


PODS = {"verb": "get", "resource": "pods", "namespace": "n"}


def test_the_user_is_taken_as_it_is_written():
    authorizer = Fixed()
    spec = {"resourceAttributes": PODS, "user": "u", "groups": ["g"], "uid": "1", "extra": {"A/b": ["c"]}}
    answer = ask(SUBJECT, spec, authorizer)
    assert answer["status"] == {"allowed": False}
    (asked,) = authorizer.asked
    assert asked.user == UserInfo("u", "1", ("g",), {"A/b": ("c",)})
    assert (asked.api_version, asked.namespace, asked.name) == ("*", "n", "")


def test_a_self_review_asks_about_the_requester():
    authorizer = Fixed(Decision.ALLOW, "because")
    assert ask(SELF, {"resourceAttributes": PODS}, authorizer)["status"] == {
        "allowed": True,
        "reason": "because",
    }
    assert authorizer.asked[0].user is BOB


def test_denied_and_errors_are_shown():
    spec = {
        "user": "u",
        "resourceAttributes": {
            **PODS,
            "fieldSelector": {
                "requirements": [
                    {"key": "a", "operator": "In", "values": ["x"]},
                    {"key": "b", "operator": "Exists"},
                ]
            },
            "labelSelector": {"rawSelector": "a in b"},
        },
    }
    answer = ask(SUBJECT, spec, Fixed(Decision.DENY, error="webhook failed"))
    assert answer["status"] == {
        "allowed": False,
        "denied": True,
        "evaluationError": "webhook failed; spec.resourceAttributes.fieldSelector partially ignored due to "
        "parse error; spec.resourceAttributes.labelSelector ignored due to parse error",
    }
    asked = attributes_of(spec, BOB)
    assert asked.field_selector == (Requirement("a", "=", ("x",)),)
    assert asked.label_selector is None


def test_paths():
    authorizer = Fixed()
    ask(SUBJECT, {"user": "u", "nonResourceAttributes": {"path": "/x", "verb": "get"}}, authorizer)
    assert (authorizer.asked[0].resource_request, authorizer.asked[0].path) == (False, "/x")


def test_attributes_are_exactly_one():
    url = {"path": "/x", "verb": "get"}
    assert refused(SUBJECT, {"user": "u", "resourceAttributes": PODS, "nonResourceAttributes": url}) == (
        'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: cannot be specified in '
        "combination with resourceAttributes"
    )
    assert refused(SUBJECT, {}) == (
        "[spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
        'resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or '
        "group must be specified]"
    )


def test_selectors_are_validated():
    attributes = {
        **PODS,
        "fieldSelector": {},
        "labelSelector": {"requirements": [{"key": "a", "operator": "In"}]},
    }
    assert refused(SELF, {"resourceAttributes": attributes}) == (
        "[spec.resourceAttributes.fieldSelector.requirements: Required value: when "
        "spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required, "
        "spec.resourceAttributes.labelSelector.requirements[0].values: Required value: must be specified "
        "when `operator` is 'In' or 'NotIn']"
    )


def test_metadata_must_be_empty():
    assert refused(SELF, {"resourceAttributes": PODS}, {"name": "x", "managedFields": []}) == (
        'metadata: Invalid value: {"name":"x","managedFields":[]}: must be empty'
    )
    assert refused(LOCAL, {"user": "u", "resourceAttributes": PODS}, {"name": "x", "namespace": "n"}) == (
        'metadata: Invalid value: {"name":"x","namespace":"n"}: must be empty except for namespace'
    )


def test_a_local_review_stays_in_its_namespace():
    assert refused(LOCAL, {"user": "u", "resourceAttributes": PODS}, {"namespace": "m"}) == (
        'spec.resourceAttributes.namespace: Invalid value: "n": must match metadata.namespace'
    )
    assert refused(LOCAL, {"user": "u", "nonResourceAttributes": {}}, {"namespace": "m"}) == (
        'spec.nonResourceAttributes: Invalid value: {"Path":"","Verb":""}: disallowed on this kind of request'
    )


def test_rules_review():
    obj = {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"namespace": "n"},
    }
    answer = asyncio.run(rules_review(Fixed(), obj, BOB))
    assert answer["spec"] == {}
    assert answer["status"] == {
        "resourceRules": [{"verbs": ["get"]}],
        "nonResourceRules": [],
        "incomplete": True,
        "evaluationError": "oops",
    }
    with pytest.raises(StatusError, match="no namespace on request"):
        asyncio.run(rules_review(Fixed(), {"spec": {}}, BOB))
