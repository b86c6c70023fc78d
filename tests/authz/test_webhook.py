"""The webhook authorizer: what is sent, what answers mean, caches, retries, conditions."""

from __future__ import annotations

import asyncio
import json

import pytest

from sekisho.api.random import RandomSource
from sekisho.api.types import Attributes, Decision, Requirement, UserInfo
from sekisho.authz.webhook import Settings, WebhookAuthorizer, WebhookFailure, condition_request, review_spec
from sekisho.authz.webhooktransport import HttpTransport
from sekisho.credentials.outgoing import Answer, CallError, Target

BOB = UserInfo("bob", "1", ("dev",), {"k": ("v",)})
PODS = Attributes(BOB, "list", namespace="n", api_version="v1", resource="pods")


class Clock:
    def __init__(self):
        self.time = 0.0
        self.slept = []

    def now(self):
        return self.time

    monotonic = now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


class Script:
    """Answers what it is given, one after the other; the last answer repeats."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    async def send(self, review):
        self.sent.append(review)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"status": answer}

    async def close(self):
        pass


def webhook(script, clock=None, **settings):
    return WebhookAuthorizer(Settings(**settings), script, clock or Clock(), RandomSource(1))


def ask(made, attributes=PODS):
    return asyncio.run(made.authorize(attributes))


@pytest.mark.parametrize(
    ("status", "decision", "reason", "error"),
    [
        ({"allowed": True, "reason": "yes"}, Decision.ALLOW, "yes", ""),
        ({"allowed": False, "reason": "no", "evaluationError": "x"}, Decision.NO_OPINION, "no", ""),
        ({"denied": True}, Decision.DENY, "", ""),
        (
            {"allowed": True, "denied": True},
            Decision.DENY,
            "",
            "webhook subject access review returned both allow and deny response",
        ),
        ({}, Decision.NO_OPINION, "", ""),
    ],
)
def test_answers(status, decision, reason, error):
    verdict = ask(webhook(Script(status)))
    assert (verdict.decision, verdict.reason, verdict.error) == (decision, reason, error)


def test_the_review_that_is_sent():
    script = Script({})
    selecting = Attributes(
        BOB,
        "list",
        resource="pods",
        field_selector=(Requirement("a", "=", ("x",)), Requirement("b", "!=", ("y",))),
        label_selector=(Requirement("c", "exists"), Requirement("d", "gt", ("1",))),
    )
    ask(webhook(script, version="v1beta1"), selecting)
    assert script.sent[0] == {
        "kind": "SubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1beta1",
        "metadata": {},
        "spec": {
            "resourceAttributes": {
                "verb": "list",
                "resource": "pods",
                "fieldSelector": {
                    "requirements": [
                        {"key": "a", "operator": "In", "values": ["x"]},
                        {"key": "b", "operator": "NotIn", "values": ["y"]},
                    ]
                },
                "labelSelector": {"requirements": [{"key": "c", "operator": "Exists"}]},
            },
            "user": "bob",
            "group": ["dev"],
            "extra": {"k": ["v"]},
            "uid": "1",
        },
        "status": {"allowed": False},
    }
    path = Attributes(BOB, "get", resource_request=False, path="/x")
    assert review_spec(path)["nonResourceAttributes"] == {"path": "/x", "verb": "get"}


def test_answers_are_kept_for_a_while():
    script, clock = Script({"allowed": True}, {"allowed": False}), Clock()
    made = webhook(script, clock, authorized_ttl=10, unauthorized_ttl=5)
    assert ask(made).allowed
    assert ask(made).evidence.cached
    clock.time = 10
    assert not ask(made).allowed
    clock.time = 14
    assert not ask(made).allowed
    assert len(script.sent) == 2
    clock.time = 16
    ask(made)
    assert len(script.sent) == 3


def test_long_requests_and_failures_are_not_kept():
    script = Script({"allowed": True})
    made = webhook(script)
    long = Attributes(BOB, "get", resource="pods", name="x" * 10_000)
    ask(made, long)
    ask(made, long)
    assert len(script.sent) == 2
    failing = Script(WebhookFailure("down"))
    made = webhook(failing)
    ask(made)
    ask(made)
    assert len(failing.sent) == 2


def test_failures_are_answered_by_policy_after_retries():
    clock = Clock()
    script = Script(WebhookFailure("reset", retriable=True))
    verdict = ask(webhook(script, clock))
    assert (verdict.decision, verdict.reason, verdict.error) == (Decision.NO_OPINION, "", "reset")
    assert len(script.sent) == 5
    assert len(clock.slept) == 4
    assert 0.5 <= clock.slept[0] <= 0.6
    assert 0.75 <= clock.slept[1] <= 0.9
    verdict = ask(webhook(Script(WebhookFailure("no")), deny_on_failure=True))
    assert (verdict.decision, verdict.error) == (Decision.DENY, "no")


def test_what_was_asked_for_is_waited_for():
    clock = Clock()
    script = Script(WebhookFailure("busy", retriable=True, retry_after=7), {"allowed": True})
    assert ask(webhook(script, clock)).allowed
    assert clock.slept == [7]


class Condition:
    def __init__(self, answer):
        self.expression = "e"
        self.answer = answer

    def matches(self, request):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_conditions():
    script = Script({"allowed": True})
    broken, false, true = Condition(ValueError("no such key")), Condition(False), Condition(True)
    assert ask(webhook(script, conditions=(true,))).allowed
    verdict = ask(webhook(script, conditions=(broken, false)))
    assert (verdict.decision, verdict.error) == (Decision.NO_OPINION, "")
    verdict = ask(webhook(script, conditions=(true, broken), deny_on_failure=True))
    assert verdict.decision is Decision.DENY
    assert verdict.error == "cel evaluation error: expression 'e' resulted in error: no such key"
    assert len(script.sent) == 1


def test_what_conditions_see():
    assert condition_request(Attributes(UserInfo("u"), "get", resource="pods")) == {
        "user": "u",
        "uid": "",
        "groups": [],
        "extra": {},
        "resourceAttributes": {
            "namespace": "",
            "verb": "get",
            "group": "",
            "version": "",
            "resource": "pods",
            "subresource": "",
            "name": "",
        },
    }


def test_rules_are_not_resolved():
    rules = asyncio.run(webhook(Script({})).rules_for(BOB, "n"))
    assert rules.incomplete
    assert rules.error == "webhook authorizer does not support user rule resolution"


def send(answer):
    async def call(method, url, *, body=None, headers=None):
        seen.append((method, url, json.loads(body)))
        if isinstance(answer, Exception):
            raise answer
        return answer

    seen = []
    target = Target("https://example.com/authz?x=1", call)
    return asyncio.run(HttpTransport(target).send({"kind": "X"})), seen


def test_transport():
    answer, seen = send(Answer(201, b'{"status":{"allowed":true}}'))
    assert answer == {"status": {"allowed": True}}
    assert seen == [("POST", "https://example.com/authz?x=1", {"kind": "X"})]


@pytest.mark.parametrize(
    ("answer", "text", "retriable"),
    [
        (Answer(500, b'{"message":"oops"}'), "oops", True),
        (Answer(429, b"", {"retry-after": "3"}), "status code 429", True),
        (Answer(504, b""), "status code 504", True),
        (Answer(400, b"[]"), "status code 400", False),
        (Answer(200, b"x"), "json parse error", False),
        (Answer(200, b"[]"), "not an object", False),
        (CallError("t", timeout=True), "context deadline exceeded", False),
        (CallError("POST u: reset", lost=True), "reset", True),
        (CallError("POST u: refused"), "refused", False),
    ],
)
def test_transport_failures(answer, text, retriable):
    with pytest.raises(WebhookFailure, match=text) as caught:
        send(answer)
    assert caught.value.retriable is retriable
