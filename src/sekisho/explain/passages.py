"""The passage log: what each request was, who sent it, what decided, and how it ended.

A passage is filled while its request walks through the filters, with references only (the attributes, the
verdict with its evidence): sentences are made when somebody looks. The log is a ring, so it costs the
same for ever. A passage never holds a credential: findings name what was found, and query parameters that
could carry a token are kept without their value.

A passage counts as answered when its response begins; only then do readers of the log see it. Answered
passages are numbered in that order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sekisho.api.clock import Clock
from sekisho.api.rbac import combined_resource
from sekisho.api.status import StatusError
from sekisho.api.time import format_micro_time
from sekisho.api.types import Attributes, Decision, Object, UserInfo, Verdict

_SECRET_PARAMETERS = frozenset(("access_token", "token", "id_token", "authorization", "password"))
_HIDDEN = "(not kept)"
MAX_TEXT = 1024
"""Characters of a refusal's message that are kept."""


class Passage:
    """One request. Durations are seconds, times Unix seconds.

    `number` is 0 until it is answered; `code` also stays 0 when its client went away, and for requests from within
    the process, which have neither method nor answer. `reason` and `message` are those of a Status that refused it.
    """

    __slots__ = (
        "_log",
        "admission",
        "attributes",
        "audit_id",
        "code",
        "constraint",
        "duration",
        "findings",
        "impersonator",
        "message",
        "method",
        "number",
        "path",
        "query",
        "reason",
        "refusals",
        "time",
        "user",
        "user_agent",
        "verdict",
        "warnings",
    )

    def __init__(
        self, log: PassageLog, audit_id: str, time: float, method: str, path: str, query: str, user_agent: str
    ) -> None:
        self._log = log
        self.audit_id = audit_id
        self.time = time
        self.method = method
        self.path = path
        self.query = query
        self.user_agent = user_agent
        self.findings: Sequence[tuple[str, str]] = ()
        self.refusals: Sequence[str] = ()
        self.user: UserInfo | None = None
        self.impersonator: UserInfo | None = None
        self.constraint = ""
        self.attributes: Attributes | None = None
        self.verdict: Verdict | None = None
        self.admission: list[Object] = []
        self.warnings: list[str] = []
        self.number = 0
        self.code = 0
        self.reason = ""
        self.message = ""
        self.duration = 0.0

    def authenticated(self, findings: Sequence[tuple[str, str]], outcome: object) -> None:
        """What the authenticators found, and their answer: an identity (`user`), a refusal (`reasons`), or None."""
        self.findings = tuple(findings)
        self.user = getattr(outcome, "user", None)
        self.refusals = tuple(dict.fromkeys(getattr(outcome, "reasons", ())))

    def impersonated(self, user: UserInfo, constraint: str = "") -> None:
        """From here on the request is another user's; `constraint` is the mode that allowed it."""
        if user is self.user:
            return
        self.impersonator = self.user
        self.user = user
        self.constraint = constraint

    def authorized(self, attributes: Attributes, verdict: Verdict) -> None:
        self.attributes = attributes
        self.verdict = verdict

    def admitted(self, plugin: str, changes: Sequence[Object] = (), refusal: str = "") -> None:
        """What one admission plugin did: JSON patch operations, or the text it refused with."""
        entry: Object = {"plugin": plugin}
        if changes:
            entry["changes"] = list(changes)
        if refusal:
            entry["refusal"] = refusal
        self.admission.append(entry)

    def refused(self, error: StatusError) -> None:
        """The Status that the request is answered with."""
        self.reason = error.reason
        self.message = error.message[:MAX_TEXT]

    def finish(self, code: int, duration: float) -> None:
        """The request is answered; `duration` is the time until then, not that of a stream that follows."""
        self.code = code
        self.duration = duration
        self._log.finished(self)

    @property
    def allowed(self) -> bool:
        """Whether authorization let it through; False also when it did not get that far."""
        return self.verdict is not None and self.verdict.decision is Decision.ALLOW

    @property
    def denied(self) -> bool:
        """Whether authorization refused it."""
        return self.verdict is not None and self.verdict.decision is not Decision.ALLOW

    def to_object(self) -> Object:
        """For JSON, YAML and the API."""
        request: Object = {"method": self.method} if self.method else {"inProcess": True}
        request["path"] = self.path
        if self.query:
            request["query"] = self.query
        if self.user_agent:
            request["userAgent"] = self.user_agent
        out: Object = {
            "auditID": self.audit_id,
            "time": format_micro_time(self.time),
            "request": request,
            "authentication": self._authentication(),
        }
        if self.impersonator is not None and self.user is not None:
            out["impersonation"] = {"user": self.user.to_object()}
            if self.constraint:
                out["impersonation"]["constraint"] = self.constraint
        if self.attributes is not None:
            out["attributes"] = attributes_object(self.attributes)
        if self.verdict is not None:
            out["authorization"] = verdict_object(self.verdict)
        if self.admission:
            out["admission"] = self.admission
        if self.warnings:
            out["warnings"] = list(self.warnings)
        if self.code:
            out["response"] = self._response()
        return out

    def _response(self) -> Object:
        out: Object = {"code": self.code}
        if self.reason:
            out["reason"] = self.reason
        if self.message:
            out["message"] = self.message
        return {**out, "durationSeconds": round(self.duration, 6)}

    def _authentication(self) -> Object:
        out: Object = {"findings": [{"authenticator": name, "text": text} for name, text in self.findings]}
        caller = self.impersonator or self.user
        if caller is not None:
            out["user"] = caller.to_object()
        if self.refusals:
            out["refusals"] = list(self.refusals)
        return out


def attributes_object(a: Attributes) -> Object:
    """What was asked of the authorizer, without what is empty."""
    if not a.resource_request:
        return {"verb": a.verb, "path": a.path}
    out: Object = {"verb": a.verb}
    for key, value in (
        ("namespace", a.namespace),
        ("apiGroup", a.api_group),
        ("apiVersion", a.api_version),
        ("resource", combined_resource(a.resource, a.subresource)),
        ("name", a.name),
    ):
        if value:
            out[key] = value
    for key, terms in (("fieldSelector", a.field_selector), ("labelSelector", a.label_selector)):
        if terms:
            out[key] = [{"key": t.key, "operator": t.operator, "values": list(t.values)} for t in terms]
    return out


def verdict_object(verdict: Verdict) -> Object:
    out: Object = {"decision": verdict.decision.value}
    if verdict.reason:
        out["reason"] = verdict.reason
    if verdict.error:
        out["error"] = verdict.error
    evidence: Any = verdict.evidence
    if evidence is not None:
        out["evidence"] = evidence.to_object()
    return out


class PassageLog:
    """The last `size` passages, in the order in which they began; those that still run are among them."""

    def __init__(self, size: int) -> None:
        self._ring: deque[Passage] = deque(maxlen=size)
        self._listeners: list[Callable[[Passage], None]] = []
        self.answered = 0
        """How many passages have been answered: the number of the last one."""

    def begin(
        self, *, audit_id: str, time: float, method: str, path: str, query: bytes = b"", user_agent: str = ""
    ) -> Passage:
        passage = Passage(self, audit_id, time, method, path, without_secrets(query), user_agent)
        self._ring.append(passage)
        return passage

    def finished(self, passage: Passage) -> None:
        self.answered += 1
        passage.number = self.answered
        for listener in self._listeners:
            listener(passage)

    def recorder(self, clock: Clock) -> Callable[[Attributes, Verdict], None]:
        """What clients within the process call with each of their requests, where those are to be seen, too."""

        def record(attributes: Attributes, verdict: Verdict) -> None:
            audit_id = f"in-process-{self.answered + 1}"
            passage = Passage(self, audit_id, clock.now(), "", resource_path(attributes), "", "")
            self._ring.append(passage)
            passage.user = attributes.user
            passage.authorized(attributes, verdict)
            self.finished(passage)

        return record

    def subscribe(self, listener: Callable[[Passage], None]) -> Callable[[], None]:
        """Call `listener` with every passage that ends; returns what takes it off again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def find(self, audit_id: str) -> Passage | None:
        return next((p for p in reversed(self._ring) if p.audit_id == audit_id), None)

    def newest_first(self) -> Iterator[Passage]:
        """A snapshot, safe while requests go on."""
        return iter(list(reversed(self._ring)))

    def __iter__(self) -> Iterator[Passage]:
        return iter(list(self._ring))

    def __len__(self) -> int:
        return len(self._ring)


def resource_path(a: Attributes) -> str:
    """The path under which the HTTP API knows what is asked for."""
    base = f"/apis/{a.api_group}/{a.api_version}" if a.api_group else f"/api/{a.api_version}"
    within = f"/namespaces/{a.namespace}" if a.namespace else ""
    parts = [part for part in (a.resource, a.name, a.subresource) if part]
    return f"{base}{within}/{'/'.join(parts)}"


def without_secrets(query: bytes) -> str:
    """The query as it came, unless a parameter of it could be a credential."""
    if not query:
        return ""
    text = query.decode("latin-1")
    if "%" not in text and not any(name in text.lower() for name in _SECRET_PARAMETERS):
        return text
    pairs = parse_qsl(text, keep_blank_values=True)
    return urlencode([(k, _HIDDEN if k.lower() in _SECRET_PARAMETERS else v) for k, v in pairs])
