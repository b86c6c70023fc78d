from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from sekisho.api.random import RandomSource
from sekisho.authn import webhook
from sekisho.authn.interface import AuthnContext, Identity, Refusal
from sekisho.credentials.outgoing import Answer, CallError, Target


class Reviewer:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.bodies: list[Any] = []

    async def __call__(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        self.bodies.append(json.loads(body or b"null"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(200, json.dumps({"status": answer}).encode())


ANN = {
    "authenticated": True,
    "user": {"username": "ann", "uid": "1", "groups": ["g"], "extra": {"k": ["v"]}},
    "audiences": ["api"],
}
LOST = CallError("POST https://w: connection reset", lost=True)


def ask(
    world: Any, reviewer: Reviewer, audiences: tuple[str, ...] | None = ("api",), version: str = "v1beta1"
) -> Any:
    target = Target("https://w", reviewer)
    made = webhook.WebhookAuthenticator(target, ("api",), world.clock, RandomSource(1), version)
    return asyncio.run(made.authenticate_token("tok", AuthnContext(audiences)))


def test_what_is_asked_and_answered(world: Any) -> None:
    reviewer = Reviewer(ANN)
    outcome = ask(world, reviewer)
    assert isinstance(outcome, Identity)
    assert outcome.user.to_object() == ANN["user"]
    assert outcome.audiences == ("api",)
    assert reviewer.bodies == [
        {
            "kind": "TokenReview",
            "apiVersion": "authentication.k8s.io/v1beta1",
            "metadata": {},
            "spec": {"token": "tok", "audiences": ["api"]},
            "status": {"user": {}},
        }
    ]
    assert ask(world, Reviewer({"authenticated": False})) is None
    assert ask(world, Reviewer({"authenticated": False, "error": "bad"})) == Refusal(("bad",))
    assert ask(world, Reviewer(ANN | {"audiences": ["other"]})) is None
    silent = ask(world, Reviewer({k: v for k, v in ANN.items() if k != "audiences"}), ("x", "api"))
    assert silent.audiences == ("api",)
    assert ask(world, reviewer, version="v1")
    assert reviewer.bodies[-1]["apiVersion"] == "authentication.k8s.io/v1"
    with pytest.raises(webhook.WebhookConfigError) as caught:
        ask(world, reviewer, version="v2")
    assert str(caught.value) == (
        'unsupported authentication webhook version "v2", supported versions are "v1", "v1beta1"'
    )


@pytest.mark.parametrize(
    "failure",
    [LOST, Answer(500, b""), Answer(429, b""), Answer(503, b"", {"retry-after": "1"}), Answer(504, b"")],
)
def test_more_tries(world: Any, failure: Any) -> None:
    reviewer = Reviewer(failure, failure, failure, failure, ANN)
    start = world.clock.time
    assert isinstance(ask(world, reviewer), Identity)
    assert 4.0 < world.clock.time - start < 4.9
    tired = Reviewer(failure)
    outcome = ask(world, tired)
    assert isinstance(outcome, Refusal)
    assert len(tired.bodies) == 5
    assert outcome.passing


@pytest.mark.parametrize(
    "failure",
    [
        CallError("certificate verify failed"),
        Answer(403, b'{"message":"no"}'),
        Answer(200, b"x"),
        Answer(200, b"{}"),
        CallError("POST https://w: timed out", timeout=True),
        Answer(200, b'{"status":{"authenticated":true,"user":"root"}}'),
        Answer(200, b'{"status":{"authenticated":true,"user":{"username":["root"]}}}'),
        Answer(200, b'{"status":{"authenticated":true,"user":{"username":"a","groups":"system:masters"}}}'),
        Answer(200, b'{"status":{"authenticated":true,"user":{"username":"a","extra":{"k":"v"}}}}'),
        Answer(200, b'{"status":{"authenticated":true,"audiences":"api"}}'),
    ],
)
def test_one_try_only(world: Any, failure: Any) -> None:
    reviewer = Reviewer(failure)
    assert isinstance(ask(world, reviewer), Refusal)
    assert len(reviewer.bodies) == 1


def test_the_cache_keeps_answers_and_not_failures(world: Any) -> None:
    async def main() -> None:
        reviewer = Reviewer(LOST, {"authenticated": False, "error": "bad"})
        target = Target("https://w", reviewer)
        made = webhook.cached(
            webhook.WebhookAuthenticator(target, ("api",), world.clock, RandomSource(1)), world.clock
        )
        reviewer.answers = [CallError("down")]
        for _ in range(2):
            await made.authenticate_token("t", AuthnContext(("api",)))
        assert len(reviewer.bodies) == 2
        reviewer.answers = [{"authenticated": False, "error": "bad"}]
        for _ in range(3):
            assert await made.authenticate_token("t", AuthnContext(("api",))) == Refusal(("bad",))
        assert len(reviewer.bodies) == 3
        world.clock.time += 121
        reviewer.answers = [ANN]
        for _ in range(3):
            assert isinstance(await made.authenticate_token("t", AuthnContext(("api",))), Identity)
        assert len(reviewer.bodies) == 4

    asyncio.run(main())
