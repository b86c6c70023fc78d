"""Tokens reviewed by another server (plugin/pkg/authenticator/token/webhook): TokenReview out, identity back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.api.random import RandomSource
from sekisho.api.types import UserInfo
from sekisho.authn.cache import CachedTokens
from sekisho.authn.interface import AuthnContext, Identity, Outcome, Refusal, refuse
from sekisho.credentials.outgoing import Answer, CallError, Target
from sekisho.credentials.tokens import intersect

VERSIONS = ("v1", "v1beta1")
CACHE_SECONDS = 120.0
_STEPS = 5
_FIRST_WAIT = 0.5
_FACTOR = 1.5
_JITTER = 0.2


class WebhookConfigError(ValueError):
    """A webhook the server cannot start with."""


class WebhookAuthenticator:
    """Asks for each token; wrap it with `cached`. Audiences are narrowed to those that were asked for."""

    name = "webhook"

    def __init__(
        self,
        target: Target,
        audiences: tuple[str, ...],
        clock: Clock,
        random: RandomSource,
        version: str = "v1beta1",
    ) -> None:
        """`audiences` are the API server's. WebhookConfigError for a version that nobody speaks."""
        if version not in VERSIONS:
            supported = ", ".join(quote(v) for v in VERSIONS)
            raise WebhookConfigError(
                f"unsupported authentication webhook version {quote(version)}, supported versions are {supported}"
            )
        self._target = target
        self._audiences = audiences
        self._clock = clock
        self._random = random
        self._api_version = f"authentication.k8s.io/{version}"

    async def close(self) -> None:
        await self._target.close()

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        asked = self._audiences if ctx.audiences is None else ctx.audiences
        try:
            status = _status(await self._review(token, asked))
            user = _user(status.get("user"))
            accepted = _strings(status.get("audiences"), "audiences") or self._audiences
        except CallError as error:
            ctx.found(self.name, f"the webhook gave no answer: {error}")
            return Refusal((str(error),), passing=True)
        if not status.get("authenticated"):
            reason = status.get("error")
            if isinstance(reason, str) and reason:
                ctx.found(self.name, "the webhook refused the token")
                return refuse(reason)
            ctx.found(self.name, "the webhook does not know the token")
            return None
        audiences = intersect(asked, accepted) if asked else ()
        if asked and not audiences:
            ctx.found(self.name, f"audience {', '.join(accepted)} is not {', '.join(asked)}")
            return None
        ctx.found(self.name, f"accepted: {user.name}")
        return Identity(user, audiences or None)

    async def _review(self, token: str, audiences: tuple[str, ...]) -> Answer:
        """Send the review; up to five times while the connection breaks or the webhook asks for patience."""
        spec: dict[str, Any] = {"token": token.encode("utf-8", "surrogateescape").decode("utf-8", "replace")}
        if audiences:
            spec["audiences"] = list(audiences)
        review = {"kind": "TokenReview", "apiVersion": self._api_version, "metadata": {}}
        body = orjson.dumps(review | {"spec": spec, "status": {"user": {}}})
        wait = _FIRST_WAIT
        for step in range(1, _STEPS + 1):
            try:
                answer = await self._target.post(body)
                if answer.status in (200, 201):
                    return answer
                failure = CallError(_failure_text(answer), lost=_worth_another_try(answer))
            except CallError as error:
                failure = error
            if not failure.lost or step == _STEPS:
                raise failure
            await self._clock.sleep(wait * (1 + self._random.uniform(0, _JITTER)))
            wait *= _FACTOR
        raise AssertionError("unreachable")


def _status(answer: Answer) -> dict[str, Any]:
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise CallError("the webhook's answer is no JSON") from None
    status = value.get("status") if isinstance(value, dict) else None
    if not isinstance(status, dict) or value.get("kind") not in (None, "", "TokenReview"):
        raise CallError("the webhook's answer is no TokenReview")
    return status


def _failure_text(answer: Answer) -> str:
    try:
        message = orjson.loads(answer.body).get("message")
    except (orjson.JSONDecodeError, AttributeError):
        message = None
    return message if isinstance(message, str) and message else f"the webhook answered {answer.status}"


def _worth_another_try(answer: Answer) -> bool:
    return answer.status in (429, 500, 504) or "retry-after" in answer.headers


def _user(value: object) -> UserInfo:
    """The user of an answer; CallError when its fields have other types than Go's."""
    if not isinstance(value, dict | None):
        raise CallError("the webhook's answer has a user that is no object")
    given = value or {}
    extra = given.get("extra") or {}
    if not isinstance(extra, dict):
        raise CallError("the webhook's answer has extra that is no object")
    return UserInfo(
        _string(given, "username"),
        _string(given, "uid"),
        _strings(given.get("groups"), "groups"),
        {key: _strings(values, "extra") for key, values in extra.items()},
    )


def _string(value: Mapping[str, Any], key: str) -> str:
    text = value.get(key) or ""
    if not isinstance(text, str):
        raise CallError(f"the webhook's answer has a {key} that is no string")
    return text


def _strings(value: object, key: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CallError(f"the webhook's answer has {key} that are no list of strings")
    return tuple(value)


def cached(webhook: WebhookAuthenticator, clock: Clock, seconds: float = CACHE_SECONDS) -> CachedTokens:
    """With the webhook's own cache: acceptance and refusal are kept as long, failures to answer are not."""
    return CachedTokens(webhook, clock, success_ttl=seconds, failure_ttl=seconds)
