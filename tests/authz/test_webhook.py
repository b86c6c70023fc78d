"""The webhook authorizer: what is sent, what answers mean, caches, retries, conditions."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from sekisho.api.random import RandomSource
from sekisho.api.types import Attributes, Decision, Requirement, UserInfo
from sekisho.authz.webhook import Settings, WebhookAuthorizer, WebhookFailure, condition_request, review_spec
from sekisho.authz.webhooktransport import HttpTransport
from sekisho.credentials.outgoing import OutgoingError, Target, target_of

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


def send(handler):
    async def run():
        client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        try:
            return await HttpTransport(Target("https://example.com/authz?x=1", client)).send({"kind": "X"})
        finally:
            await client.aclose()

    return asyncio.run(run())


def test_transport():
    seen = []

    def answer(request):
        seen.append(str(request.url))
        return httpx.Response(201, json={"status": {"allowed": True}})

    assert send(answer) == {"status": {"allowed": True}}
    assert seen == ["https://example.com/authz?x=1"]


@pytest.mark.parametrize(
    ("response", "text", "retriable"),
    [
        (httpx.Response(500, json={"message": "oops"}), "oops", True),
        (httpx.Response(429, headers={"retry-after": "3"}), "status code 429", True),
        (httpx.Response(400), "status code 400", False),
        (httpx.Response(200, content=b"x"), "json parse error", False),
        (httpx.ReadTimeout("t"), "context deadline exceeded", True),
        (httpx.ConnectError("Refused"), "refused", False),
    ],
)
def test_transport_failures(response, text, retriable):
    def answer(request):
        if isinstance(response, Exception):
            raise response
        return response

    with pytest.raises(WebhookFailure, match=text) as caught:
        send(answer)
    assert caught.value.retriable is retriable


def test_kubeconfigs(tmp_path):
    file = tmp_path / "config"
    file.write_text(
        "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://h/x', insecure-skip-tls-verify: true}}]\n"
        "users: [{name: u, user: {token: t}}]\n"
    )
    target = target_of(file, 3)
    assert target.url == "https://h/x"
    assert target.client.headers["authorization"] == "Bearer t"
    asyncio.run(target.client.aclose())
    file.write_text("current-context: b\n")
    with pytest.raises(OutgoingError, match='context "b" does not exist'):
        target_of(file, 3)
    with pytest.raises(OutgoingError, match="no such file"):
        target_of(tmp_path / "none", 3)
