"""The webhook authorizer: another server is asked by a SubjectAccessReview.

Match conditions come first and decide whether it is asked at all; then the cache; then the network, with
retries. A webhook that cannot be reached answers by its failure policy, with an error that becomes a 500
unless a later authorizer decides. Follows k8s.io/apiserver/plugin/pkg/authorizer/webhook.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from sekisho.api.clock import Clock
from sekisho.api.goformat import aggregate
from sekisho.api.random import RandomSource
from sekisho.api.types import Attributes, Decision, Object, Requirement, Rules, UserInfo, Verdict
from sekisho.explain.evidence import WebhookEvidence

TYPE = "Webhook"
CACHE_SIZE = 8192
MAX_CACHED_ATTRIBUTES = 10_000
"""Longer requests are not cached, so that a caller cannot fill the memory."""
_ATTEMPTS = 5
_FIRST_PAUSE, _FACTOR, _JITTER = 0.5, 1.5, 0.2
_FIELD_OPERATORS = {"=": "In", "==": "In", "!=": "NotIn"}
_LABEL_OPERATORS = {
    "=": "In",
    "==": "In",
    "in": "In",
    "!=": "NotIn",
    "notin": "NotIn",
    "exists": "Exists",
    "!": "DoesNotExist",
}


class WebhookFailure(Exception):
    """The webhook gave no answer. `retriable`: asking again may help; `retry_after` is seconds it asked for."""

    def __init__(
        self, text: str, *, retriable: bool = False, retry_after: float = 0.0, timeout: bool = False
    ) -> None:
        super().__init__(text)
        self.retriable = retriable
        self.retry_after = retry_after
        self.timeout = timeout


class Transport(Protocol):
    """Sends a review and gives the answer back. Raises WebhookFailure."""

    async def send(self, review: Object) -> Object: ...

    async def close(self) -> None: ...


class Condition(Protocol):
    """A compiled match condition. Raises ValueError when its evaluation fails."""

    expression: str

    def matches(self, request: Object) -> bool: ...


Observer = Callable[[str, str, float, bool], None]
"""Told of each call: name, result (success, error, timeout), seconds, whether a failure lets the request go on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How one webhook is asked. TTLs are seconds, 0 for no caching."""

    name: str = "default"
    version: str = "v1"
    authorized_ttl: float = 300.0
    unauthorized_ttl: float = 30.0
    deny_on_failure: bool = False
    conditions: Sequence[Condition] = field(default=())


class WebhookAuthorizer:
    type = TYPE

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        clock: Clock,
        random: RandomSource,
        observe: Observer | None = None,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._random = random
        self._observe = observe
        self._cache: OrderedDict[bytes, tuple[float, Verdict]] = OrderedDict()

    async def authorize(self, attributes: Attributes) -> Verdict:
        spec = review_spec(attributes, self._settings.version)
        if self._settings.conditions:
            skipped = self._skipped(attributes)
            if skipped is not None:
                return skipped
        key = orjson.dumps(spec)
        cached = self._cached(key)
        if cached is not None:
            return cached
        verdict, fresh = await self._ask(spec)
        if fresh and _size(attributes) < MAX_CACHED_ATTRIBUTES:
            self._remember(key, verdict)
        return verdict

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        return Rules([], [], True, "webhook authorizer does not support user rule resolution")

    async def close(self) -> None:
        await self._transport.close()

    def _skipped(self, attributes: Attributes) -> Verdict | None:
        """The verdict when the conditions do not let the webhook be asked; None when they do."""
        request = condition_request(attributes)
        errors = []
        for condition in self._settings.conditions:
            try:
                if not condition.matches(request):
                    return Verdict(Decision.NO_OPINION, evidence=WebhookEvidence(self.name))
            except ValueError as error:
                text = f"expression '{condition.expression}' resulted in error: {error}"
                errors.append(f"cel evaluation error: {text}")
        return self._failed(aggregate(errors)) if errors else None

    def _failed(self, error: str) -> Verdict:
        decision = Decision.DENY if self._settings.deny_on_failure else Decision.NO_OPINION
        return Verdict(decision, "", error, WebhookEvidence(self.name, error=error))

    def _cached(self, key: bytes) -> Verdict | None:
        found = self._cache.get(key)
        if found is None:
            return None
        until, verdict = found
        if self._clock.monotonic() >= until:
            del self._cache[key]
            return None
        self._cache.move_to_end(key)
        return verdict

    def _remember(self, key: bytes, verdict: Verdict) -> None:
        ttl = self._settings.authorized_ttl if verdict.allowed else self._settings.unauthorized_ttl
        if ttl <= 0:
            return
        evidence = WebhookEvidence(self.name, cached=True, error=verdict.error)
        kept = Verdict(verdict.decision, verdict.reason, verdict.error, evidence)
        self._cache[key] = (self._clock.monotonic() + ttl, kept)
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)

    async def _ask(self, spec: Object) -> tuple[Verdict, bool]:
        """The verdict, and whether it is an answer rather than a failure."""
        start = self._clock.monotonic()
        try:
            status = (await self._send(spec)).get("status") or {}
        except WebhookFailure as failure:
            self._tell("timeout" if failure.timeout else "error", start)
            return self._failed(str(failure)), False
        self._tell("success", start)
        return _verdict(self.name, status), True

    def _tell(self, result: str, start: float) -> None:
        if self._observe is not None:
            seconds = self._clock.monotonic() - start
            self._observe(self.name, result, seconds, not self._settings.deny_on_failure)

    async def _send(self, spec: Object) -> Object:
        review: Object = {
            "kind": "SubjectAccessReview",
            "apiVersion": f"authorization.k8s.io/{self._settings.version}",
            "metadata": {},
            "spec": spec,
            "status": {"allowed": False},
        }
        pause = _FIRST_PAUSE
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._transport.send(review)
            except WebhookFailure as failure:
                if attempt == _ATTEMPTS or not failure.retriable:
                    raise
                await self._clock.sleep(
                    max(failure.retry_after, pause * (1 + self._random.uniform(0, _JITTER)))
                )
                pause *= _FACTOR
        raise AssertionError("the last attempt returns or raises")


def _verdict(name: str, status: Object) -> Verdict:
    """The webhook's own evaluationError is for the account only: a refusal with one is still a refusal."""
    reason = status.get("reason") or ""
    evidence = WebhookEvidence(name, error=status.get("evaluationError") or "")
    if status.get("denied") and status.get("allowed"):
        text = "webhook subject access review returned both allow and deny response"
        return Verdict(Decision.DENY, reason, text, WebhookEvidence(name, error=text))
    if status.get("denied"):
        return Verdict(Decision.DENY, reason, evidence=evidence)
    if status.get("allowed"):
        return Verdict(Decision.ALLOW, reason, evidence=evidence)
    return Verdict(Decision.NO_OPINION, reason, evidence=evidence)


def _size(a: Attributes) -> int:
    texts = (a.namespace, a.verb, a.api_group, a.api_version, a.resource, a.subresource, a.name, a.path)
    return sum(map(len, texts))


def review_spec(a: Attributes, version: str = "v1") -> Object:
    """The spec of a SubjectAccessReview about these attributes; v1beta1 calls the groups `group`."""
    spec: Object = {}
    if a.resource_request:
        asked = {
            "namespace": a.namespace,
            "verb": a.verb,
            "group": a.api_group,
            "version": a.api_version,
            "resource": a.resource,
            "subresource": a.subresource,
            "name": a.name,
        }
        shown: Object = {key: value for key, value in asked.items() if value}
        for key, terms, operators in (
            ("fieldSelector", a.field_selector, _FIELD_OPERATORS),
            ("labelSelector", a.label_selector, _LABEL_OPERATORS),
        ):
            requirements = _requirements(terms or (), operators)
            if requirements:
                shown[key] = {"requirements": requirements}
        spec["resourceAttributes"] = shown
    else:
        url = {"path": a.path, "verb": a.verb}
        spec["nonResourceAttributes"] = {key: value for key, value in url.items() if value}
    if a.user.name:
        spec["user"] = a.user.name
    if a.user.groups:
        spec["groups" if version == "v1" else "group"] = list(a.user.groups)
    if a.user.extra:
        spec["extra"] = {key: list(values) for key, values in sorted(a.user.extra.items())}
    if a.user.uid:
        spec["uid"] = a.user.uid
    return spec


def _requirements(terms: Sequence[Requirement], operators: dict[str, str]) -> list[Object]:
    out = []
    for term in terms:
        operator = operators.get(term.operator)
        if operator is not None:
            requirement: Object = {"key": term.key, "operator": operator}
            if term.values:
                requirement["values"] = list(term.values)
            out.append(requirement)
    return out


def condition_request(a: Attributes) -> Object:
    """What match conditions see as `request`: the v1 spec with all strings present, even empty ones."""
    spec = review_spec(a)
    if a.resource_request:
        strings = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
        spec["resourceAttributes"] = {**dict.fromkeys(strings, ""), **spec["resourceAttributes"]}
    else:
        spec["nonResourceAttributes"] = {"path": "", "verb": "", **spec["nonResourceAttributes"]}
    return {"user": "", "uid": "", "groups": [], "extra": {}, **spec}
