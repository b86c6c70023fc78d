"""What one authorization decision costs among 10, 1 000, 10 000 and 100 000 bindings.

Usage: python bench/authorization.py [--scan]

For each size: microseconds for a request that is allowed and for one that is refused, by a user with ten
grants; the same for users that are asked about for the first time; an update of one binding; bytes a
binding. The last lines are the ratios that count: largest size to smallest. `--scan` adds a plain scan.
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc
from collections.abc import Callable

from sekisho.api.types import Attributes, Object, UserInfo
from sekisho.authz.bootstrap import default_policy
from sekisho.authz.index import RbacIndex
from sekisho.authz.rbac import RbacAuthorizer

SIZES = (10, 1_000, 10_000, 100_000)
HELD = 10
STRANGERS = 500
NAMESPACES = 200
GROUPS = ("system:authenticated", "team-1", "team-2")


def role(name: str) -> Object:
    rules = [
        {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods", "services", "pods/log"]},
        {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"]},
    ]
    return {"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}


def binding(name: str, namespace: str, user: str, role_name: str) -> Object:
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role_name}
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}
    return {"kind": kind, "metadata": metadata, "subjects": [subject], "roleRef": ref}


def bindings(count: int) -> list[Object]:
    """Half of them cluster-wide; each user but the first holds one."""
    made = [binding(f"own-{i}", "" if i % 2 else "ns-1", "bob", f"role-{i}") for i in range(HELD)]
    made += [
        binding(f"b-{i}", "" if i % 2 else f"ns-{i % NAMESPACES}", f"user-{i}", f"role-{i % 20}")
        for i in range(count - HELD)
    ]
    return made


def request(verb: str, resource: str, user: str = "bob") -> Attributes:
    return Attributes(
        UserInfo(user, groups=GROUPS), verb, namespace="ns-1", api_version="v1", resource=resource, name="x"
    )


def microseconds(call: Callable[[], object], rounds: int = 2_000) -> float:
    best = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(rounds):
            call()
        best = min(best, time.perf_counter() - start)
    return best / rounds * 1e6


def first_time(authorizer: RbacAuthorizer, verb: str, count: int) -> float:
    """Several hundred users spread over all bindings, each asked about once: nothing is remembered of them."""
    others = count - HELD
    if others < STRANGERS:
        return float("nan")
    step = others // STRANGERS
    asked = [request(verb, "pods", f"user-{i * step}") for i in range(STRANGERS)]
    start = time.perf_counter()
    for attributes in asked:
        authorizer.decide(attributes)
    return (time.perf_counter() - start) / len(asked) * 1e6


def scan(objects: list[Object], attributes: Attributes) -> bool:
    """The plainest evaluator: every binding, every subject, every rule."""
    roles = {o["metadata"]["name"]: o for o in objects if o["kind"] == "ClusterRole"}
    for obj in objects:
        if not obj["kind"].endswith("Binding"):
            continue
        if obj["metadata"].get("namespace", attributes.namespace) != attributes.namespace:
            continue
        if not any(s["name"] == attributes.user.name for s in obj.get("subjects") or ()):
            continue
        for rule in roles[obj["roleRef"]["name"]].get("rules") or ():
            if attributes.verb in rule["verbs"] and attributes.resource in rule.get("resources", ()):
                return True
    return False


def measure(count: int, with_scan: bool) -> dict[str, float]:
    index = RbacIndex.of([*default_policy(), *(role(f"role-{i}") for i in range(20))])
    objects = bindings(count)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for obj in objects:
        index.upsert(obj["kind"], obj)
    size = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    authorizer = RbacAuthorizer(index)
    allowed, refused = request("get", "pods"), request("delete", "secrets")
    changed = objects[-1]
    out = {
        "allowed us": microseconds(lambda: authorizer.decide(allowed)),
        "refused us": microseconds(lambda: authorizer.decide(refused)),
        "allowed, first us": first_time(authorizer, "get", count),
        "refused, first us": first_time(authorizer, "delete", count),
        "update us": microseconds(lambda: index.upsert(changed["kind"], changed), 500),
        "bytes a binding": size,
    }
    if with_scan:
        everything = [role(f"role-{i}") for i in range(20)] + objects
        out["scan, refused us"] = microseconds(lambda: scan(everything, refused), 1)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scan", action="store_true", help="also time a plain scan over all bindings")
    with_scan = parser.parse_args().scan
    results = {count: measure(count, with_scan) for count in SIZES}
    columns = list(results[SIZES[0]])
    print("bindings".rjust(10), *(c.rjust(18) for c in columns))
    for count, values in results.items():
        print(str(count).rjust(10), *(f"{values[c]:.2f}".rjust(18) for c in columns))
    first, last = results[SIZES[0]], results[SIZES[-1]]
    print()
    for column in columns[:2]:
        print(f"{column}: {last[column] / first[column]:.2f} times from {SIZES[0]} to {SIZES[-1]} bindings")
    if with_scan:
        ratio = last["scan, refused us"] / last["refused us"]
        print(f"a plain scan takes {ratio:.0f} times as long among {SIZES[-1]} bindings")


if __name__ == "__main__":
    main()
