"""ABAC: one policy a line of a file that is read at the start.

It allows or has no opinion; subresources are no notion of it (`pods` covers pods/log). Follows upstream's
pkg/auth/authorizer/abac, with the unversioned form of old files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sekisho.api.rbac import url_matches
from sekisho.api.types import AUTHENTICATED, Attributes, Decision, Object, Rules, UserInfo, Verdict
from sekisho.explain.evidence import PolicyLineEvidence
from sekisho.schema.jsonbody import BodyError, parse_json

NAME = "ABAC"
API_VERSION = "abac.authorization.kubernetes.io/v1beta1"
_READING = ("get", "list", "watch")
_NO_MATCH = Verdict(Decision.NO_OPINION, "No policy matched.")


class PolicyFileError(ValueError):
    """The file cannot be used; the text is upstream's and stops the server."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One line. Empty strings match only empty attributes, `*` matches all."""

    user: str = ""
    group: str = ""
    readonly: bool = False
    namespace: str = ""
    resource: str = ""
    api_group: str = ""
    path: str = ""
    line: int = 0

    def matches_subject(self, user: UserInfo) -> bool:
        if not self.user and not self.group:
            return False
        if self.user and self.user not in ("*", user.name):
            return False
        return not self.group or self.group == "*" or self.group in user.groups

    def matches(self, a: Attributes) -> bool:
        if not self.matches_subject(a.user) or (self.readonly and a.verb not in _READING):
            return False
        if not a.resource_request:
            return url_matches(self.path, a.path)
        return (
            self.namespace in ("*", a.namespace)
            and self.resource in ("*", a.resource)
            and self.api_group in ("*", a.api_group)
        )

    def to_object(self) -> Object:
        fields = (
            ("user", self.user),
            ("group", self.group),
            ("readonly", self.readonly),
            ("apiGroup", self.api_group),
            ("resource", self.resource),
            ("namespace", self.namespace),
            ("nonResourcePath", self.path),
        )
        return {key: value for key, value in fields if value}


class AbacAuthorizer:
    """The first policy that matches allows, without a reason."""

    name = NAME

    def __init__(self, policies: Sequence[Policy], file: str = "") -> None:
        self._allowed = [
            (p, Verdict(Decision.ALLOW, evidence=PolicyLineEvidence(file, p.line, p.to_object())))
            for p in policies
        ]

    def decide(self, attributes: Attributes) -> Verdict:
        return next((v for policy, v in self._allowed if policy.matches(attributes)), _NO_MATCH)

    async def authorize(self, attributes: Attributes) -> Verdict:
        return self.decide(attributes)

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        resources: list[Object] = []
        paths: list[Object] = []
        for policy, _ in self._allowed:
            if policy.matches_subject(user) and policy.namespace in ("*", namespace):
                verbs = list(_READING) if policy.readonly else ["*"]
                resources.append(
                    {"verbs": verbs, "apiGroups": [policy.api_group], "resources": [policy.resource]}
                )
                paths.append({"verbs": verbs, "nonResourceURLs": [policy.path]})
        return Rules(resources, paths)


def load(path: Path) -> list[Policy]:
    """Read a policy file. Raises PolicyFileError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyFileError(f"open {path}: {(error.strerror or str(error)).lower()}")
    return parse(data, str(path))


def parse(data: bytes, path: str) -> list[Policy]:
    """The policies of a file's bytes; `path` is for the error's text."""
    policies = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = raw.removesuffix(b"\r")
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        try:
            policies.append(replace(_policy(text), line=number))
        except ValueError as error:
            shown = line.decode("utf-8", "replace")
            raise PolicyFileError(f"error reading policy file {path}, line {number}: {shown}: {error}")
    return policies


def _policy(text: bytes) -> Policy:
    try:
        value, _ = parse_json(text)
    except BodyError as error:
        raise ValueError(f"couldn't get version/kind; json parse error: {error}")
    if not isinstance(value, dict):
        raise ValueError("couldn't get version/kind; json parse error: not an object")
    if not value.get("apiVersion") or not value.get("kind"):
        return _unversioned(value)
    if (value["apiVersion"], value["kind"]) != (API_VERSION, "Policy"):
        raise ValueError(f"unrecognized object: {value['kind']} of {value['apiVersion']}")
    policy = _of_fields(value.get("spec") or {})
    return _everybody(policy) if "*" in (policy.user, policy.group) else policy


def _unversioned(value: Object) -> Policy:
    """The form of before versions: what is left out means everything."""
    policy = _of_fields(value)
    if "*" in (policy.user, policy.group) or not (policy.user or policy.group):
        policy = _everybody(policy)
    return replace(
        policy,
        namespace=policy.namespace or "*",
        resource=policy.resource or "*",
        api_group="*",
        path="" if policy.namespace or policy.resource else "*",
    )


def _everybody(policy: Policy) -> Policy:
    return replace(policy, user="", group=AUTHENTICATED)


def _of_fields(spec: Object) -> Policy:
    def text(key: str) -> str:
        value: Any = spec.get(key) or ""
        if not isinstance(value, str):
            raise ValueError(f"json: cannot unmarshal into Go struct field PolicySpec.{key} of type string")
        return value

    return Policy(
        user=text("user"),
        group=text("group"),
        readonly=bool(spec.get("readonly")),
        namespace=text("namespace"),
        resource=text("resource"),
        api_group=text("apiGroup"),
        path=text("nonResourcePath"),
    )
