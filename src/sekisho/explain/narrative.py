"""A whole passage in sentences, in the order in which its request walked through the server.

Made when somebody looks, from what the passage kept. Only what refused or changed the request is told at
length; what it merely passed is told in a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from sekisho.api.types import Object
from sekisho.explain.nearmiss import NearMiss
from sekisho.explain.passages import Passage
from sekisho.explain.policy import Policy
from sekisho.explain.why import account

UNAUTHORIZED = 401
MAX_SCALAR = 64
"""Characters of an admitted value that are shown."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the way (`authentication`, `impersonation`, `authorization`, `admission`, `response`)."""

    stage: str
    sentences: list[str]

    def to_object(self) -> Object:
        return {"stage": self.stage, "sentences": self.sentences}


@dataclass(frozen=True, slots=True)
class Narrative:
    """`manifests` would allow exactly this request, where authorization refused it."""

    headline: str
    steps: list[Step]
    near_misses: list[NearMiss] = field(default_factory=list)
    manifests: list[Object] = field(default_factory=list)

    def to_object(self) -> Object:
        out: Object = {"headline": self.headline, "steps": [step.to_object() for step in self.steps]}
        if self.near_misses:
            out["nearMisses"] = [miss.to_object() for miss in self.near_misses]
        if self.manifests:
            out["manifests"] = self.manifests
        return out


def narrate(passage: Passage, policy: Policy | None = None) -> Narrative:
    """Tell what happened. `policy` is None where RBAC decides nothing: then no near misses are looked for."""
    steps = [
        Step(stage, sentences)
        for stage, sentences in (
            ("authentication", list(_authentication(passage))),
            ("impersonation", list(_impersonation(passage))),
        )
        if sentences
    ]
    headline = f"{passage.method or 'in-process'} {passage.path}"
    misses: list[NearMiss] = []
    manifests: list[Object] = []
    if passage.attributes is not None and passage.verdict is not None:
        decided = account(passage.attributes, passage.verdict, policy)
        headline = decided.headline
        misses, manifests = decided.near_misses, decided.manifests
        steps.append(Step("authorization", decided.sentences or [decided.headline]))
    elif passage.code == UNAUTHORIZED:
        headline = f"nobody could be told from the credential of {headline}"
    for stage, sentences in (("admission", _admission(passage)), ("response", _response(passage))):
        told = list(sentences)
        if told:
            steps.append(Step(stage, told))
    return Narrative(headline, steps, misses, manifests)


def _authentication(passage: Passage) -> Iterator[str]:
    for authenticator, text in passage.findings:
        yield f"{authenticator}: {text}."
    if passage.code == UNAUTHORIZED and not passage.findings:
        yield "No credential was found, and anonymous requests are not let in."
    for reason in passage.refusals:
        yield f"Refused: {reason}."
    caller = passage.impersonator or passage.user
    if caller is not None:
        groups = f", in groups {', '.join(caller.groups)}" if caller.groups else ""
        yield f"The caller is {caller.name or 'a user without a name'}{groups}."


def _impersonation(passage: Passage) -> Iterator[str]:
    if passage.impersonator is None or passage.user is None:
        return
    allowed_by = f", as the verb {passage.constraint} allows" if passage.constraint else ""
    yield f"{passage.impersonator.name} acts as {passage.user.name}{allowed_by}."


def _admission(passage: Passage) -> Iterator[str]:
    for entry in passage.admission:
        plugin = entry["plugin"]
        if "refusal" in entry:
            yield f"{plugin} refused it: {entry['refusal']}"
        for change in entry.get("changes", ()):
            yield f"{plugin}: {change['op']} {change['path'] or '/'}{_scalar(change.get('value'))}."


def _scalar(value: object) -> str:
    """A value that is short enough for a sentence; nothing for all others."""
    shown = json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | float) else ""
    return f" = {shown}" if 0 < len(shown) <= MAX_SCALAR else ""


def _response(passage: Passage) -> Iterator[str]:
    for text in passage.warnings:
        yield f"Warning: {text}"
    if not passage.code:
        return
    milliseconds = f"{passage.duration * 1000:.1f} ms"
    if passage.message and passage.code != UNAUTHORIZED:
        reason = f" {passage.reason}" if passage.reason else ""
        yield f"Answered {passage.code}{reason} after {milliseconds}: {passage.message}"
    else:
        yield f"Answered {passage.code} after {milliseconds}."
