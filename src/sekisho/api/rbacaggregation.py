"""Which rules an aggregating ClusterRole gathers (its aggregationRule selects other ClusterRoles by label)."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.labels import Selector, selector_from_label_selector
from sekisho.api.types import Object


def aggregated_rules(role: Object, roles: Iterable[Object]) -> list[Object]:
    """The rules that `role` gathers from `roles`: by selector in order, by role name, each rule once, none of
    its own. Raises ValueError for a selector that is none."""
    others = sorted((r for r in roles if _name(r) != _name(role)), key=_name)
    out: list[Object] = []
    for selector in selectors(role):
        for other in others:
            if selector.matches(other["metadata"].get("labels") or {}):
                for rule in other.get("rules") or ():
                    if rule not in out:
                        out.append(rule)
    return out


def selectors(role: Object) -> list[Selector]:
    """The compiled selectors of an aggregating role; none for other roles. Raises ValueError."""
    written = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    return [selector_from_label_selector(selector) for selector in written]


def resolved(objects: Iterable[Object]) -> list[Object]:
    """The objects with every aggregating ClusterRole's rules filled in, as the controller would leave them.

    Chains of aggregating roles are followed until nothing changes. A role whose selectors are not valid
    keeps the rules it has.
    """
    out = list(objects)
    places = [i for i, obj in enumerate(out) if obj.get("kind") == "ClusterRole"]
    summing = [i for i in places if out[i].get("aggregationRule")]
    for _ in range(len(summing) + 1):
        changed = False
        for i in summing:
            try:
                rules = aggregated_rules(out[i], (out[j] for j in places))
            except ValueError:
                continue
            if rules != (out[i].get("rules") or []):
                out[i] = {**out[i], "rules": rules}
                changed = True
        if not changed:
            break
    return out


def _name(role: Object) -> str:
    name: str = role["metadata"]["name"]
    return name
