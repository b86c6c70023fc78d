"""The default RBAC objects, and how a start brings a cluster's objects up to them.

`plan` is a pure function from what is wanted and what exists to the writes that are missing; `reconcile`
carries them out through a client. Permissions and subjects that were added by hand stay, those that were
taken away come back, and objects annotated with autoupdate "false" are left alone. Follows upstream's
pkg/registry/rbac/rest/storage_rbac.go and k8s.io/component-helpers/auth/rbac/reconciliation.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple, Protocol

import orjson

from sekisho.api.clock import Clock
from sekisho.api.goformat import aggregate
from sekisho.api.rbac import (
    AUTOUPDATE,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    Rule,
    compile_rules,
)
from sekisho.api.rbaccover import uncovered
from sekisho.api.status import StatusError
from sekisho.api.types import Object

NODE_ROLE = "system:node"
RESOURCES: Mapping[str, str] = {
    CLUSTER_ROLE: "clusterroles.rbac.authorization.k8s.io",
    CLUSTER_ROLE_BINDING: "clusterrolebindings.rbac.authorization.k8s.io",
    ROLE: "roles.rbac.authorization.k8s.io",
    ROLE_BINDING: "rolebindings.rbac.authorization.k8s.io",
}
_AGGREGATED = ("admin", "edit", "view")
_SPLIT_FROM, _SPLIT_TO = "system:discovery", "system:public-info-viewer"
Key = tuple[str, str, str]


class Action(enum.Enum):
    CREATE = "create"
    UPDATE = "update"
    RECREATE = "recreate"


class Step(NamedTuple):
    """One write. `uid` is the precondition of the delete that a recreation starts with."""

    action: Action
    kind: str
    namespace: str
    name: str
    obj: Object
    uid: str = ""


class PolicyClient(Protocol):
    """What `reconcile` needs of a client (registry.client.Client has it)."""

    async def list(self, resource: str, namespace: str = "") -> Sequence[Object]: ...

    async def create(self, resource: str, obj: Object, namespace: str = "") -> Object: ...

    async def update(self, resource: str, obj: Object, namespace: str = "") -> Object: ...

    async def delete(self, resource: str, name: str, namespace: str = "", *, uid: str = "") -> object: ...


def default_policy() -> list[Object]:
    """The objects of a fresh cluster at default feature gates; each call makes new ones."""
    data = resources.files(__package__).joinpath("data/bootstrap-rbac.json").read_bytes()
    policy: list[Object] = orjson.loads(data)
    return policy


def node_rules(policy: Sequence[Object]) -> tuple[Rule, ...]:
    """The static rules of nodes, which the Node authorizer applies."""
    for obj in policy:
        if obj["kind"] == CLUSTER_ROLE and obj["metadata"]["name"] == NODE_ROLE:
            return compile_rules(obj["rules"])
    return ()


def plan(expected: Sequence[Object], existing: Sequence[Object]) -> list[Step]:
    """The writes, in order, that bring `existing` (all RBAC objects of the cluster) up to `expected`."""
    present = {_key(obj): obj for obj in existing}
    steps = [*_legacy_roles(present), *_split_binding(expected, present)]
    for step in steps:
        present[step.kind, step.namespace, step.name] = step.obj
    for wanted in sorted(expected, key=lambda obj: _ORDER.index(obj["kind"])):
        key = _key(wanted)
        have = present.get(key)
        if have is None:
            steps.append(Step(Action.CREATE, *key, wanted))
            continue
        change = _reconciled(key, wanted, have)
        if change is not None:
            steps.append(change)
    return steps


async def reconcile(client: PolicyClient, policy: Sequence[Object]) -> list[str]:
    """One pass: list, plan, write. A write that fails does not stop the others; returns what failed."""
    existing = [obj for kind in _ORDER for obj in await _list(client, kind)]
    failures: list[str] = []

    async def attempt(step: Step) -> None:
        try:
            await _carry_out(client, step)
        except StatusError as error:
            failures.append(f"unable to reconcile {step.kind.lower()} {step.name}: {error.message}")

    # Steps of one kind do not depend on each other, so that their writes can share a commit to disk.
    for _, steps in itertools.groupby(plan(policy, existing), key=lambda step: step.kind):
        await asyncio.gather(*map(attempt, steps))
    return failures


async def ensure(client: PolicyClient, policy: Sequence[Object], clock: Clock) -> None:
    """Repeat passes once a second until one succeeds; RuntimeError after 30 s (the server then stops)."""
    deadline = clock.monotonic() + _PATIENCE
    while True:
        try:
            failures = await reconcile(client, policy)
        except StatusError as error:
            failures = [error.message]
        if not failures:
            return
        if clock.monotonic() >= deadline:
            raise RuntimeError(f"unable to initialize roles: {aggregate(failures)}")
        await clock.sleep(1)


_PATIENCE = 30.0
_ORDER = (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING)


async def _list(client: PolicyClient, kind: str) -> list[Object]:
    return [{**obj, "kind": kind} for obj in await client.list(RESOURCES[kind])]


async def _carry_out(client: PolicyClient, step: Step) -> None:
    resource = RESOURCES[step.kind]
    if step.action is Action.UPDATE:
        await client.update(resource, step.obj, step.namespace)
        return
    if step.action is Action.RECREATE:
        await client.delete(resource, step.name, step.namespace, uid=step.uid)
    elif step.namespace:
        await _ensure_namespace(client, step.namespace)
    await client.create(resource, step.obj, step.namespace)


async def _ensure_namespace(client: PolicyClient, name: str) -> None:
    namespace: Object = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
    try:
        await client.create("namespaces", namespace)
    except StatusError as error:
        if error.reason not in ("AlreadyExists", "Forbidden"):
            raise


def _key(obj: Object) -> Key:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _legacy_roles(present: Mapping[Key, Object]) -> list[Step]:
    """Rules of admin, edit and view from before aggregation move to the roles that are aggregated now."""
    steps = []
    for name in _AGGREGATED:
        target = f"system:aggregate-to-{name}"
        old = present.get((CLUSTER_ROLE, "", name))
        if old is None or old.get("aggregationRule") or (CLUSTER_ROLE, "", target) in present:
            continue
        copy = {**old, "metadata": {**_bare_metadata(old), "name": target}}
        steps.append(Step(Action.CREATE, CLUSTER_ROLE, "", target, copy))
    return steps


def _split_binding(expected: Sequence[Object], present: Mapping[Key, Object]) -> list[Step]:
    """system:public-info-viewer starts with whom an administrator had bound to system:discovery."""
    source = present.get((CLUSTER_ROLE_BINDING, "", _SPLIT_FROM))
    key = (CLUSTER_ROLE_BINDING, "", _SPLIT_TO)
    target = next((obj for obj in expected if _key(obj) == key), None)
    if source is None or target is None or key in present:
        return []
    copy = {**target, "metadata": {**_bare_metadata(source), "name": _SPLIT_TO}}
    copy["subjects"] = source.get("subjects") or []
    return [Step(Action.CREATE, *key, copy)]


def _bare_metadata(obj: Object) -> Object:
    meta = obj["metadata"]
    return {key: meta[key] for key in ("name", "labels", "annotations") if key in meta}


def _reconciled(key: Key, wanted: Object, have: Object) -> Step | None:
    if (have["metadata"].get("annotations") or {}).get(AUTOUPDATE) == "false":
        return None
    if key[0] in (ROLE, CLUSTER_ROLE):
        changes = _role_changes(wanted, have)
    elif _role_ref(wanted) != _role_ref(have):
        return Step(Action.RECREATE, *key, wanted, have["metadata"].get("uid", ""))
    else:
        changes = _binding_changes(wanted, have)
    metadata = _merged_metadata(wanted, have)
    if not changes and metadata == have["metadata"]:
        return None
    return Step(Action.UPDATE, *key, {**have, "metadata": metadata, **changes})


def _merged_metadata(wanted: Object, have: Object) -> Object:
    """Labels and annotations are the expected ones overlaid by the existing ones."""
    out = dict(have["metadata"])
    for field in ("labels", "annotations"):
        merged = {**(wanted["metadata"].get(field) or {}), **(out.get(field) or {})}
        if merged != (out.get(field) or {}):
            out[field] = dict(sorted(merged.items()))
    return out


def _role_changes(wanted: Object, have: Object) -> Object:
    changes: Object = {}
    wanted_rules, rules = wanted.get("rules") or [], have.get("rules") or []
    if wanted_rules != rules:
        missing = uncovered(compile_rules(rules), wanted_rules)
        if missing:
            changes["rules"] = [*rules, *(atom.to_rule() for atom in missing)]
    selectors = (have.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    wanted_selectors = (wanted.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    absent = [selector for selector in wanted_selectors if selector not in selectors]
    if not wanted.get("aggregationRule") and have.get("aggregationRule"):
        changes["aggregationRule"] = None
    elif absent:
        changes["aggregationRule"] = {"clusterRoleSelectors": [*selectors, *absent]}
    return changes


def _binding_changes(wanted: Object, have: Object) -> Object:
    subjects = have.get("subjects") or []
    known = {_subject_key(subject) for subject in subjects}
    missing = [s for s in wanted.get("subjects") or [] if _subject_key(s) not in known]
    return {"subjects": [*subjects, *missing]} if missing else {}


def _subject_key(subject: Object) -> tuple[str, ...]:
    return tuple(subject.get(key, "") for key in ("kind", "apiGroup", "name", "namespace"))


def _role_ref(obj: Object) -> tuple[str, ...]:
    ref = obj.get("roleRef") or {}
    return tuple(ref.get(key, "") for key in ("apiGroup", "kind", "name"))
