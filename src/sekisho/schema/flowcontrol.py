"""The flow schemas and priority levels that every cluster begins with (upstream's pkg/apis/flowcontrol/bootstrap).

The mandatory ones cannot be changed (but for the shares of `exempt`); the suggested ones are an offer that an
administrator may change or delete. This server does not throttle by them: it keeps them for those who read them.
"""

from __future__ import annotations

from sekisho.api.types import Object

GROUP = "flowcontrol.apiserver.k8s.io"
EXEMPT = "exempt"
AUTO_UPDATE = "apf.kubernetes.io/autoupdate-spec"
BY_USER = "ByUser"
BY_NAMESPACE = "ByNamespace"

_ALL = ["*"]


def _groups(*names: str) -> list[Object]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[Object]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _system_accounts() -> list[Object]:
    return [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "*"}}]


def _resources(verbs: list[str], group: str, resources: list[str], cluster_scope: bool) -> Object:
    return {
        "verbs": verbs,
        "apiGroups": [group],
        "resources": resources,
        **({"clusterScope": True} if cluster_scope else {}),
        "namespaces": _ALL,
    }


_EVERYTHING: Object = {
    "resourceRules": [_resources(_ALL, "*", _ALL, True)],
    "nonResourceRules": [{"verbs": _ALL, "nonResourceURLs": _ALL}],
}
_LEASES = _resources(_ALL, "coordination.k8s.io", ["leases"], False)
_EVERYBODY = ("system:unauthenticated", "system:authenticated")


def _schema(name: str, level: str, precedence: int, method: str, rule: Object) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "FlowSchema",
        "metadata": {"name": name, "annotations": {AUTO_UPDATE: "true"}},
        "spec": {
            "priorityLevelConfiguration": {"name": level},
            "matchingPrecedence": precedence,
            **({"distinguisherMethod": {"type": method}} if method else {}),
            "rules": [rule],
        },
    }


def _level(name: str, spec: Object) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": name, "annotations": {AUTO_UPDATE: "true"}},
        "spec": spec,
    }


def _queued(name: str, shares: int, lendable: int, queues: int, hand: int) -> Object:
    queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
    response = {"type": "Queue", "queuing": queuing}
    limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
    return _level(name, {"type": "Limited", "limited": limited})


def mandatory_levels() -> list[Object]:
    rejecting = {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"}, "lendablePercent": 0}
    exempt = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
    return [
        _level("catch-all", {"type": "Limited", "limited": rejecting}),
        _level(EXEMPT, {"type": "Exempt", "exempt": exempt}),
    ]


def suggested_levels() -> list[Object]:
    return [
        _queued("system", 30, 33, 64, 6),
        _queued("node-high", 40, 25, 64, 6),
        _queued("leader-election", 10, 0, 16, 4),
        _queued("workload-high", 40, 50, 128, 6),
        _queued("workload-low", 100, 90, 128, 6),
        _queued("global-default", 20, 50, 128, 6),
    ]


def mandatory_schemas() -> list[Object]:
    everybody = {"subjects": _groups(*_EVERYBODY), **_EVERYTHING}
    return [
        _schema(EXEMPT, EXEMPT, 1, "", {"subjects": _groups("system:masters"), **_EVERYTHING}),
        _schema("catch-all", "catch-all", 10000, BY_USER, everybody),
    ]


def suggested_schemas() -> list[Object]:
    probes = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}
    manager, scheduler = "system:kube-controller-manager", "system:kube-scheduler"
    electing = _resources(["get", "create", "update"], "coordination.k8s.io", ["leases"], False)
    nodes = _groups("system:nodes")
    node_rules = [_resources(_ALL, "", ["nodes", "nodes/status"], True), _LEASES]
    accounts = _groups("system:serviceaccounts")
    return [
        _schema("probes", EXEMPT, 2, "", {"subjects": _groups(*_EVERYBODY), "nonResourceRules": [probes]}),
        _schema(
            "system-leader-election",
            "leader-election",
            100,
            BY_USER,
            {"subjects": [*_users(manager, scheduler), *_system_accounts()], "resourceRules": [electing]},
        ),
        _schema(
            "system-node-high", "node-high", 400, BY_USER, {"subjects": nodes, "resourceRules": node_rules}
        ),
        _schema("system-nodes", "system", 500, BY_USER, {"subjects": nodes, **_EVERYTHING}),
        *(
            _schema(name, "workload-high", 800, BY_NAMESPACE, {"subjects": _users(user), **_EVERYTHING})
            for name, user in (("kube-controller-manager", manager), ("kube-scheduler", scheduler))
        ),
        _schema(
            "kube-system-service-accounts",
            "workload-high",
            900,
            BY_NAMESPACE,
            {"subjects": _system_accounts(), **_EVERYTHING},
        ),
        _schema("service-accounts", "workload-low", 9000, BY_USER, {"subjects": accounts, **_EVERYTHING}),
        _schema(
            "global-default",
            "global-default",
            9900,
            BY_USER,
            {"subjects": _groups(*_EVERYBODY), **_EVERYTHING},
        ),
    ]
