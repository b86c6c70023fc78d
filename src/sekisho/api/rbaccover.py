"""Whether one set of RBAC rules covers another, as escalation prevention and reconciliation ask.

Follows k8s.io/component-helpers/auth/rbac/validation: the requested rules are broken into atoms (one
group, resource, verb and name, or one URL and verb), and each atom must be covered by one owner rule.
A `*` in an atom is taken literally, so only a `*` covers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sekisho.api.goformat import quote_list
from sekisho.api.rbac import ALL, Rule
from sekisho.api.types import Object


class Atom(NamedTuple):
    """The smallest right: either group, resource, verb and an optional name, or a URL and a verb."""

    verb: str
    group: str = ""
    resource: str | None = None
    name: str | None = None
    url: str | None = None

    def to_rule(self) -> Object:
        if self.url is not None:
            return {"verbs": [self.verb], "nonResourceURLs": [self.url]}
        rule: Object = {"verbs": [self.verb], "apiGroups": [self.group], "resources": [self.resource]}
        if self.name is not None:
            rule["resourceNames"] = [self.name]
        return rule


def atoms(rule: Object) -> Iterator[Atom]:
    """Break one rule object down, in upstream's order: group, resource, verb, name; then URL, verb."""
    verbs = rule.get("verbs") or ()
    names = rule.get("resourceNames") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                if names:
                    for name in names:
                        yield Atom(verb, group, resource, name)
                else:
                    yield Atom(verb, group, resource)
    for url in rule.get("nonResourceURLs") or ():
        for verb in verbs:
            yield Atom(verb, url=url)


def rule_covers(owner: Rule, atom: Atom) -> bool:
    """Whether one rule that is held grants all of the atom."""
    if not owner.matches_verb(atom.verb):
        return False
    if atom.url is not None:
        return not owner.names and any(_url_covers(url, atom.url) for url in owner.urls)
    if not owner.matches_group(atom.group) or not _resource_covers(owner, atom.resource or ""):
        return False
    return not owner.names or (atom.name is not None and atom.name in owner.names)


def _resource_covers(owner: Rule, resource: str) -> bool:
    if owner.any_resource or resource in owner.resources:
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"*/{subresource}" in owner.resources


def _url_covers(owner: str, url: str) -> bool:
    return owner == url or (owner.endswith(ALL) and url.startswith(owner.rstrip(ALL)))


def uncovered(owners: Sequence[Rule], requested: Iterable[Object]) -> list[Atom]:
    """The atoms of `requested` (rule objects) that no single owner rule covers, in order of encounter."""
    return [
        atom
        for rule in requested
        for atom in atoms(rule)
        if not any(rule_covers(owner, atom) for owner in owners)
    ]


def compact(missing: Iterable[Atom]) -> list[Object]:
    """Merge resource atoms of the same group, resource and name; verbs are appended as they come, and URL
    atoms stay alone."""
    merged: dict[tuple[str, str | None, str | None], Object] = {}
    out: list[Object] = []
    for atom in missing:
        if atom.url is not None:
            out.append(atom.to_rule())
            continue
        key = (atom.group, atom.resource, atom.name)
        if key in merged:
            merged[key]["verbs"].append(atom.verb)
        else:
            merged[key] = atom.to_rule()
            out.append(merged[key])
    return out


_PARTS = (
    ("APIGroups", "apiGroups"),
    ("Resources", "resources"),
    ("NonResourceURLs", "nonResourceURLs"),
    ("ResourceNames", "resourceNames"),
    ("Verbs", "verbs"),
)


def rule_text(rule: Object) -> str:
    """Upstream's compact form, `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`."""
    shown = [f"{label}:{quote_list(rule[key])}" for label, key in _PARTS if rule.get(key)]
    return "{" + ", ".join(shown) + "}"


def missing_text(missing: Iterable[Atom]) -> list[str]:
    """The lines of a refusal: compacted, each once, sorted by bytes."""
    return sorted({rule_text(rule) for rule in compact(missing)}, key=str.encode)
