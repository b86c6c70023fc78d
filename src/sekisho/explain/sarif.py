"""Findings of lint and diff as SARIF 2.1.0, which code hosts show beside the changed lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from sekisho.api.types import Object
from sekisho.explain.diff import Difference
from sekisho.explain.lint import RULES, Finding
from sekisho.explain.reading import Key, Place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
GAIN, LOSS, ADMIN = "rights-gained", "rights-lost", "path-to-cluster-admin"
_DIFF_RULES = {
    GAIN: "A subject gains rights",
    LOSS: "A subject loses rights",
    ADMIN: "A subject finds a new way to become cluster administrator",
}


def of_lint(findings: Iterable[Finding], version: str, places: Mapping[Key, Place] | None = None) -> Object:
    """`places` says where an object is written, `version` is the program's."""
    results = []
    for finding in findings:
        key = (finding.kind, finding.namespace, finding.name)
        place = f"{finding.namespace}/{finding.name}" if finding.namespace else finding.name
        text = f"{finding.kind} {place}: {finding.message}"
        results.append(_result(finding.rule, finding.level, text, key, (places or {}).get(key)))
    return _log(RULES, results, version)


def of_diff(difference: Difference, version: str, places: Mapping[Key, Place] | None = None) -> Object:
    """`places` says where each subject (kind, namespace, name) is bound."""
    known = places or {}
    results = []
    for change in difference.changes:
        key = (change.subject.kind, change.subject.namespace, change.subject.name)
        for text in change.sentences():
            gained = " gains " in text
            rule, level = (GAIN, "warning") if gained else (LOSS, "note")
            results.append(_result(rule, level, text, key, known.get(key)))
    for path in difference.admin_paths:
        steps = "; ".join(map(str, path.steps))
        text = f"{path.start} can become {path.end}: {steps}"
        key = (path.subject.kind, path.subject.namespace, path.subject.name)
        results.append(_result(ADMIN, "error", text, key, known.get(key)))
    return _log(_DIFF_RULES, results, version)


def _result(rule: str, level: str, text: str, key: Key, place: Place | None) -> Object:
    kind, namespace, name = key
    full = "/".join(part for part in (kind, namespace, name) if part)
    location: Object = {"logicalLocations": [{"name": name, "fullyQualifiedName": full, "kind": "resource"}]}
    if place is not None:
        uri = quote(place.file.removeprefix("./"))
        location["physicalLocation"] = {"artifactLocation": {"uri": uri}, "region": {"startLine": place.line}}
    return {"ruleId": rule, "level": level, "message": {"text": text}, "locations": [location]}


def _log(rules: Mapping[str, str], results: list[Object], version: str) -> Object:
    driver: Object = {
        "name": "sekisho",
        "version": version,
        "rules": [{"id": rule, "shortDescription": {"text": text}} for rule, text in rules.items()],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
