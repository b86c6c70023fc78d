"""Why a request was allowed or not: sentences from the evidence of the decision itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sekisho.api.types import Attributes, Object, Verdict
from sekisho.explain import manifest
from sekisho.explain.evidence import (
    FixedEvidence,
    GrantEvidence,
    LetThrough,
    NodeEvidence,
    PolicyLineEvidence,
    Refusals,
    WebhookEvidence,
)
from sekisho.explain.nearmiss import NearMiss, near_misses
from sekisho.explain.passages import attributes_object, verdict_object
from sekisho.explain.policy import Policy, subject_of_user
from sekisho.explain.sentences import (
    binding_text,
    request_text,
    role_text,
    rule_sentence,
    subject_text,
)


@dataclass(frozen=True, slots=True)
class Account:
    """What there is to say about one decision. `manifests` would allow exactly this request."""

    attributes: Attributes
    verdict: Verdict
    headline: str
    sentences: list[str] = field(default_factory=list)
    near_misses: list[NearMiss] = field(default_factory=list)
    manifests: list[Object] = field(default_factory=list)

    def to_object(self) -> Object:
        out: Object = {
            "request": {"user": self.attributes.user.to_object(), **attributes_object(self.attributes)},
            "verdict": verdict_object(self.verdict),
            "headline": self.headline,
            "sentences": self.sentences,
        }
        if self.near_misses:
            out["nearMisses"] = [miss.to_object() for miss in self.near_misses]
        if self.manifests:
            out["manifests"] = self.manifests
        return out


def account(a: Attributes, verdict: Verdict, policy: Policy | None = None) -> Account:
    """Explain a decision. With a `policy`, a refusal gets its near misses and a manifest that would allow it."""
    who = subject_text(subject_of_user(a.user)) if a.user.name else "a user without a name"
    let_through = isinstance(verdict.evidence, LetThrough)
    allowed = verdict.allowed and not let_through
    word = "may" if allowed else "may not"
    made = Account(a, verdict, f"{who} {word} {request_text(a)}", list(_sentences(verdict)))
    if allowed or policy is None:
        return made
    return Account(
        a,
        verdict,
        made.headline,
        made.sentences,
        near_misses(a, policy),
        manifest.for_request(a, policy),
    )


def _sentences(verdict: Verdict) -> Iterator[str]:
    evidence = verdict.evidence
    match evidence:
        case GrantEvidence():
            yield grant_sentence(evidence)
        case NodeEvidence():
            yield _node_sentence(evidence)
        case PolicyLineEvidence():
            yield f"ABAC: line {evidence.line} of {evidence.file} allows it."
        case WebhookEvidence():
            yield _webhook_sentence(evidence, verdict)
        case FixedEvidence():
            yield _fixed_sentence(evidence, verdict)
        case LetThrough():
            yield f"Soft mode for {evidence.scope} let it through; without it the request is refused."
            yield from _sentences(evidence.verdict)
        case Refusals():
            for name, answer in evidence.verdicts:
                yield from _refusal_sentences(name, answer)
        case _:
            if verdict.reason:
                yield verdict.reason


def grant_sentence(evidence: GrantEvidence) -> str:
    """The path of a grant: binding, subject, role, rule."""
    ref = evidence.binding
    return (
        f"RBAC: {binding_text(ref)} gives {role_text(ref.role_kind, ref.role_name)} to "
        f"{subject_text(evidence.subject)}; rule {evidence.rule_index + 1} allows {rule_sentence(evidence.rule)}."
    )


def _node_sentence(evidence: NodeEvidence) -> str:
    if not evidence.path:
        return f"Node: node {evidence.node} may do this: {evidence.permission}."
    return f"Node: related to node {evidence.node} through {' -> '.join(evidence.path)}."


def _webhook_sentence(evidence: WebhookEvidence, verdict: Verdict) -> str:
    if evidence.error:
        return f"Webhook {evidence.name}: {evidence.error}."
    answer = {"allow": "allowed it", "deny": "denied it"}.get(verdict.decision.value, "had no opinion")
    remembered = ", by an answer it gave before" if evidence.cached else ""
    because = f": {verdict.reason}" if verdict.reason else ""
    return f"Webhook {evidence.name} {answer}{remembered}{because}."


def _fixed_sentence(evidence: FixedEvidence, verdict: Verdict) -> str:
    if evidence.group:
        return f"Group {evidence.group} may do everything; no authorizer is asked."
    return (
        f"{evidence.authorizer}: {'everything is allowed' if verdict.allowed else 'everything is forbidden'}."
    )


def _refusal_sentences(name: str, answer: Verdict) -> Iterator[str]:
    if isinstance(answer.evidence, WebhookEvidence):
        yield _webhook_sentence(answer.evidence, answer)
    elif answer.error:
        yield f"{name}: {answer.error}."
    elif answer.reason:
        text = answer.reason.removeprefix(f"{name}: ")
        yield f"{name}: {text.removesuffix('.')}."
    elif name == "RBAC":
        yield "RBAC: no binding that names the user allows it."
