"""Tokens reviewed by another server (plugin/pkg/authenticator/token/webhook): TokenReview out, identity back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.api.random import RandomSource
from sekisho.api.types import UserInfo
from sekisho.authn.cache import CachedTokens
from sekisho.authn.interface import AuthnContext, Identity, Outcome, Refusal, refuse
from sekisho.authn.outgoing import Answer, Caller, CallError, HttpCaller, tls_context
from sekisho.credentials import kubeconfig
from sekisho.credentials.kubeconfig import KubeconfigError
from sekisho.credentials.tokens import intersect

VERSIONS = ("v1", "v1beta1")
CACHE_SECONDS = 120.0
_STEPS = 5
_FIRST_WAIT = 0.5
_FACTOR = 1.5
_JITTER = 0.2


class WebhookConfigError(ValueError):
    """A webhook the server cannot start with."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a kubeconfig for webhooks points: its current context, or its only cluster and user."""

    url: str
    headers: Mapping[str, str]
    caller: Caller


def load_target(path: Path) -> Target:
    """Read --authentication-token-webhook-config-file. WebhookConfigError naming the file."""
    try:
        data = kubeconfig.load([path])
        if not path.exists():
            raise WebhookConfigError(f"stat {path}: no such file or directory")
        context = _named(data, "contexts", data.get("current-context", ""), "context")
        cluster = _named(data, "clusters", context.get("cluster", ""), "cluster")
        user = _named(data, "users", context.get("user", ""), "user") if context.get("user") else {}
        return _target(path.parent, cluster, user)
    except (KubeconfigError, OSError, ValueError) as error:
        raise WebhookConfigError(str(error)) from None


def _named(data: Mapping[str, Any], section: str, name: str, key: str) -> dict[str, Any]:
    for item in data.get(section) or ():
        if item["name"] == name:
            return item.get(key) or {}
    raise WebhookConfigError(f"{key} {quote(name)} does not exist")


def _content(folder: Path, entry: Mapping[str, Any], key: str) -> str:
    """`<key>-data` before the file that `<key>` names, relative to the kubeconfig."""
    if entry.get(f"{key}-data"):
        return base64.b64decode(entry[f"{key}-data"]).decode()
    return (folder / entry[key]).read_text() if entry.get(key) else ""


def _target(folder: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Target:
    import tempfile

    context = tls_context(
        _content(folder, cluster, "certificate-authority"), verify=not cluster.get("insecure-skip-tls-verify")
    )
    certificate, key = _content(folder, user, "client-certificate"), _content(folder, user, "client-key")
    if certificate and key:
        with tempfile.TemporaryDirectory() as held:  # Python's ssl module reads keys from files only
            pair = Path(held) / "pair.pem"
            pair.touch(mode=0o600)
            pair.write_text(certificate + "\n" + key)
            context.load_cert_chain(pair)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    token = user.get("token") or (
        Path(user["tokenFile"]).read_text().strip() if user.get("tokenFile") else ""
    )
    if token:
        headers["Authorization"] = f"Bearer {token}"
    auth = (user["username"], user.get("password", "")) if user.get("username") else None
    return Target(cluster.get("server", ""), headers, HttpCaller(context, auth=auth))


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

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        asked = self._audiences if ctx.audiences is None else ctx.audiences
        try:
            status = self._status(await self._review(token, asked))
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
        accepted = status.get("audiences") or list(self._audiences)
        audiences = intersect(asked, accepted) if asked else ()
        if asked and not audiences:
            ctx.found(self.name, f"audience {', '.join(map(str, accepted))} is not {', '.join(asked)}")
            return None
        user = _user(status.get("user") or {})
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
                answer = await self._target.caller(
                    "POST", self._target.url, body=body, headers=self._target.headers
                )
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

    def _status(self, answer: Answer) -> dict[str, Any]:
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


def _user(value: Mapping[str, Any]) -> UserInfo:
    extra = {str(k): tuple(map(str, v or ())) for k, v in (value.get("extra") or {}).items()}
    groups = tuple(map(str, value.get("groups") or ()))
    return UserInfo(str(value.get("username", "")), str(value.get("uid", "")), groups, extra)


def cached(webhook: WebhookAuthenticator, clock: Clock, seconds: float = CACHE_SECONDS) -> CachedTokens:
    """With the webhook's own cache: acceptance and refusal are kept as long, failures to answer are not."""
    return CachedTokens(webhook, clock, success_ttl=seconds, failure_ttl=seconds)
