"""Which rules an aggregating ClusterRole gathers."""

from __future__ import annotations

from sekisho.api.rbacaggregation import aggregated_rules, resolved


def rule(verb):
    return {"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}


def role(name, labels, *rules, selectors=()):
    out = {"metadata": {"name": name, "labels": labels}, "rules": list(rules)}
    if selectors:
        out["aggregationRule"] = {"clusterRoleSelectors": list(selectors)}
    return out


def test_selectors_in_order_then_names_and_each_rule_once():
    total = role("sum", {"a": "x"}, selectors=({"matchLabels": {"b": "x"}}, {"matchLabels": {"a": "x"}}))
    roles = [
        total,
        role("p2", {"a": "x"}, rule("get"), rule("list")),
        role("p1", {"a": "x"}, rule("watch"), rule("get")),
        role("p9", {"b": "x"}, rule("list")),
        role("other", {"c": "x"}, rule("delete")),
    ]
    assert aggregated_rules(total, roles) == [rule("list"), rule("watch"), rule("get")]


def test_an_empty_selector_gathers_all_but_itself():
    total = role("sum", {}, rule("old"), selectors=({},))
    assert aggregated_rules(total, [total, role("a", {}, rule("get"))]) == [rule("get")]


def test_chains_are_followed():
    first = role("a", {"y": "1"}, selectors=({"matchLabels": {"x": "1"}},))
    second = role("b", {}, selectors=({"matchLabels": {"y": "1"}},))
    objects = [{"kind": "ClusterRole", **r} for r in (second, first, role("c", {"x": "1"}, rule("get")))]
    assert [o["rules"] for o in resolved(objects)] == [[rule("get")]] * 3
    assert objects[0]["rules"] == []
