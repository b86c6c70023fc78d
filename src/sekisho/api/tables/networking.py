"""Ingresses, network policies and the addresses of services."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.tables.services import ingress_points
from sekisho.api.types import Object

GROUP = "networking.k8s.io"
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_MOST_HOSTS = 3


def _ingress(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    name = spec.get("ingressClassName")
    return [
        cells.name(obj),
        cells.NONE if name is None else name,
        _hosts(spec.get("rules") or []),
        ",".join(ingress_points(obj)),
        "80, 443" if spec.get("tls") else "80",
        cells.age(obj, now),
    ]


def _hosts(rules: list[Object]) -> str:
    """The first hosts. What is counted as more are rules, with a host or without."""
    listed: list[str] = []
    more = False
    for rule in rules:
        more = more or len(listed) == _MOST_HOSTS
        if not more and rule.get("host"):
            listed.append(rule["host"])
    text = ",".join(listed) or "*"
    return f"{text} + {len(rules) - _MOST_HOSTS} more..." if more else text


def _ingress_class(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    parameters = spec.get("parameters")
    name = cells.marked_default(obj, _DEFAULT_CLASS)
    return [name, spec.get("controller", ""), _parameters(parameters), cells.age(obj, now)]


def _parameters(parameters: Object | None) -> str:
    if not parameters:
        return cells.NONE
    group = parameters.get("apiGroup")
    kind = parameters.get("kind", "")
    return f"{kind}{'' if group is None else '.' + group}/{parameters.get('name', '')}"


def _network_policy(obj: Object, now: float) -> Cells:
    selector = cells.label_selector(cells.part(obj, "spec").get("podSelector") or {})
    return [cells.name(obj), selector, cells.age(obj, now)]


def _service_cidr(obj: Object, now: float) -> Cells:
    return [cells.name(obj), ",".join(cells.part(obj, "spec").get("cidrs") or ()), cells.age(obj, now)]


def _ip_address(obj: Object, now: float) -> Cells:
    """Three cells under two columns, as upstream has it."""
    parent = cells.part(obj, "spec").get("parentRef")
    return [cells.name(obj), _parent(parent) if parent else cells.NONE, cells.age(obj, now)]


def _parent(parent: Object) -> str:
    resource, group = parent.get("resource", ""), parent.get("group", "")
    kind = f"{resource}.{group}".lower() if group else resource.lower()
    namespace = f"/{parent['namespace']}" if parent.get("namespace") else ""
    return f"{kind}{namespace}/{parent.get('name', '')}"


TABLES: Tables = {
    (GROUP, "Ingress"): TablePrinter(
        [
            NAME,
            column("Class", "Class that handles the ingress."),
            column("Hosts", "Hosts its rules are for."),
            column("Address", "Addresses where it can be reached."),
            column("Ports", "Ports it listens on."),
            AGE,
        ],
        _ingress,
    ),
    (GROUP, "IngressClass"): TablePrinter(
        [
            NAME,
            column("Controller", "Controller that handles the class."),
            column("Parameters", "Object with the controller's settings."),
            AGE,
        ],
        _ingress_class,
    ),
    (GROUP, "NetworkPolicy"): TablePrinter(
        [NAME, column("Pod-Selector", "Pods that the policy is about."), AGE], _network_policy
    ),
    (GROUP, "ServiceCIDR"): TablePrinter(
        [NAME, column("CIDRs", "Ranges that cluster addresses come from."), AGE], _service_cidr
    ),
    (GROUP, "IPAddress"): TablePrinter(
        [NAME, column("ParentRef", "What the address belongs to.")], _ip_address
    ),
}
