"""A small API server for the node's tests: real authorizers and patches, no validation, no storage."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from sekisho.api import status
from sekisho.api.encoding import copy
from sekisho.api.fields import parse_field_selector
from sekisho.api.status import StatusError
from sekisho.api.strategicmerge import apply_strategic_merge_patch
from sekisho.api.time import format_time
from sekisho.api.types import (
    Attributes,
    Decision,
    GroupResource,
    GroupVersionKind,
    Object,
    Requirement,
    UserInfo,
)
from sekisho.authz.bootstrap import default_policy, node_rules
from sekisho.authz.index import RbacIndex
from sekisho.authz.node import NodeAuthorizer
from sekisho.authz.nodegraph import NodeGraph
from sekisho.authz.rbac import RbacAuthorizer
from sekisho.registry.client import WatchEvent
from sekisho.schema.builtin import builtin_types

KINDS = {
    "pods": GroupVersionKind("", "v1", "Pod"),
    "nodes": GroupVersionKind("", "v1", "Node"),
    "namespaces": GroupVersionKind("", "v1", "Namespace"),
    "events": GroupVersionKind("", "v1", "Event"),
    "secrets": GroupVersionKind("", "v1", "Secret"),
    "configmaps": GroupVersionKind("", "v1", "ConfigMap"),
    "serviceaccounts": GroupVersionKind("", "v1", "ServiceAccount"),
    "events.events.k8s.io": GroupVersionKind("events.k8s.io", "v1", "Event"),
    "leases.coordination.k8s.io": GroupVersionKind("coordination.k8s.io", "v1", "Lease"),
}


class VirtualClock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.time = 1_767_225_600.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.time

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        end = self.time + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self.time = max(self.time, at)
            if not future.done():
                future.set_result(None)
                await settle()
        self.time = end
        await settle()


async def settle() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


class Server:
    """Objects by resource; every request is authorised as the cluster would, and noted."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.revision = 1
        self.objects: dict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
        self.watchers: list[tuple[str, str, str, asyncio.Queue[WatchEvent]]] = []
        self.requests: list[Attributes] = []
        self.fail: dict[tuple[str, str], list[StatusError]] = defaultdict(list)
        self.graph = NodeGraph()
        policy = default_policy()
        self.authorizers = [
            NodeAuthorizer(self.graph, node_rules(policy)),
            RbacAuthorizer(RbacIndex.of(policy)),
        ]
        for name in ("default", "kube-node-lease"):
            self.put("namespaces", {"metadata": {"name": name, "labels": {"name": name}}})
        for name in ("default", "api-reader"):
            self.put("serviceaccounts", {"metadata": {"name": name, "namespace": "default"}})
        self.put(
            "configmaps",
            {"metadata": {"name": "kube-root-ca.crt", "namespace": "default"}, "data": {"ca.crt": "CA"}},
        )

    def client(self, user: UserInfo) -> Client:
        return Client(self, user)

    def put(self, resource: str, obj: Object) -> Object:
        """Write an object as it is, as an administrator would."""
        kind = KINDS[resource]
        metadata = dict(obj["metadata"])
        key = (metadata.get("namespace", ""), metadata["name"])
        old = self.objects[resource].get(key)
        self.revision += 1
        metadata.setdefault("uid", old["metadata"]["uid"] if old else f"uid-{self.revision}")
        metadata["resourceVersion"] = str(self.revision)
        new = {"kind": kind.kind, "apiVersion": kind.api_version, **obj, "metadata": metadata}
        self.objects[resource][key] = new
        if resource == "pods":
            self.graph.upsert("pods", new)
        self._tell(resource, "MODIFIED" if old else "ADDED", new, old)
        return new

    def remove(self, resource: str, name: str, namespace: str = "") -> None:
        old = self.objects[resource].pop((namespace, name))
        self.revision += 1
        gone = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.revision)}}
        if resource == "pods":
            self.graph.remove("pods", namespace, name)
        self._tell(resource, "DELETED", gone, old)

    def get(self, resource: str, name: str, namespace: str = "") -> Object:
        return self.objects[resource][namespace, name]

    def pod(self, name: str) -> Object:
        return self.get("pods", name, "default")

    def events(self, name: str) -> list[tuple[str, str]]:
        """(reason, message) of the events about an object, oldest first."""
        told = [
            (e["metadata"]["name"], e["reason"], e.get("message") or e.get("note", ""))
            for resource in ("events", "events.events.k8s.io")
            for e in self.objects[resource].values()
            if (e.get("involvedObject") or e["regarding"])["name"] == name
        ]
        return [(reason, text) for _, reason, text in sorted(told)]

    def delete_pod(self, name: str, grace: int = 30) -> None:
        """What the API server does with a graceful delete of a scheduled pod."""
        pod = self.pod(name)
        if grace == 0 or not pod["spec"].get("nodeName"):
            self.remove("pods", name, "default")
            return
        metadata = {
            **pod["metadata"],
            "deletionTimestamp": format_time(self.clock.now() + grace),
            "deletionGracePeriodSeconds": grace,
        }
        self.put("pods", {**pod, "metadata": metadata})

    def _tell(self, resource: str, type_: str, new: Object, old: Object | None) -> None:
        for watched, namespace, selector, queue in self.watchers:
            if watched != resource or (namespace and namespace != new["metadata"].get("namespace", "")):
                continue
            matches = type_ != "DELETED" and _selected(new, selector)
            matched = old is not None and _selected(old, selector)
            if matches:
                queue.put_nowait(WatchEvent("MODIFIED" if matched else "ADDED", new))
            elif matched:
                queue.put_nowait(WatchEvent("DELETED", new))


def _selected(obj: Object, selector: str) -> bool:
    fields = {
        "spec.nodeName": (obj.get("spec") or {}).get("nodeName", ""),
        "status.phase": (obj.get("status") or {}).get("phase", ""),
    }
    return parse_field_selector(selector).matches(fields)


class Client:
    """The part of `registry.client.Client` that the node uses."""

    def __init__(self, server: Server, user: UserInfo) -> None:
        self.server = server
        self.user = user

    def as_user(self, user: UserInfo, manager: str) -> Client:
        return Client(self.server, user)

    async def _enter(
        self,
        verb: str,
        resource: str,
        namespace: str,
        name: str = "",
        subresource: str = "",
        fields: str = "",
    ) -> None:
        await asyncio.sleep(0)
        plural, _, group = resource.partition(".")
        terms = tuple(Requirement(*t) for t in parse_field_selector(fields).terms) if fields else None
        attributes = Attributes(
            self.user, verb, namespace, group, "v1", plural, subresource, name, field_selector=terms
        )
        self.server.requests.append(attributes)
        verdicts = [await a.authorize(attributes) for a in self.server.authorizers]
        assert any(v.decision is Decision.ALLOW for v in verdicts), (attributes, verdicts)
        failures = self.server.fail[verb, resource]
        if failures:
            raise failures.pop(0)

    def _held(self, resource: str, name: str, namespace: str) -> Object:
        try:
            return self.server.get(resource, name, namespace)
        except KeyError:
            plural, _, group = resource.partition(".")
            raise status.not_found(GroupResource(group, plural), name) from None

    async def get(self, resource: str, name: str, namespace: str = "") -> Object:
        await self._enter("get", resource, namespace, name)
        return self._held(resource, name, namespace)

    async def find(self, resource: str, name: str, namespace: str = "") -> Object | None:
        with contextlib.suppress(StatusError):
            return await self.get(resource, name, namespace)
        return None

    async def list(self, resource: str, namespace: str = "", field_selector: str = "") -> list[Object]:
        await self._enter("list", resource, namespace, fields=field_selector)
        return [o for o in self.server.objects[resource].values() if _selected(o, field_selector)]

    async def create(
        self, resource: str, obj: Object, namespace: str = "", name: str = "", subresource: str = ""
    ) -> Object:
        await self._enter("create", resource, namespace, name, subresource)
        obj = copy(obj)
        if subresource == "binding":
            pod = self._held("pods", name, namespace)
            if pod["spec"].get("nodeName"):
                raise status.conflict(GroupResource("", "pods/binding"), name, "already assigned")
            scheduled = {"type": "PodScheduled", "status": "True"}
            bound = {**pod, "spec": {**pod["spec"], "nodeName": obj["target"]["name"]}}
            bound["status"] = {**pod.get("status", {}), "conditions": [scheduled]}
            return self.server.put("pods", bound)
        if subresource == "token":
            self._held(resource, name, namespace)
            return {**obj, "status": {"token": f"token-for-{name}"}}
        key = (namespace, obj["metadata"]["name"])
        if key in self.server.objects[resource]:
            raise status.already_exists(GroupResource("", resource), key[1])
        return self.server.put(resource, obj)

    async def update(self, resource: str, obj: Object, namespace: str = "", subresource: str = "") -> Object:
        name = obj["metadata"]["name"]
        await self._enter("update", resource, namespace, name, subresource)
        held = self._held(resource, name, namespace)
        if obj["metadata"].get("resourceVersion") != held["metadata"]["resourceVersion"]:
            raise status.conflict(GroupResource("", resource), name, status.MODIFIED)
        return self.server.put(resource, copy(obj))

    async def patch(
        self,
        resource: str,
        name: str,
        patch: Any,
        namespace: str = "",
        type: str = "merge",
        subresource: str = "",
    ) -> Object:
        await self._enter("patch", resource, namespace, name, subresource)
        assert type == "strategic"
        held = self._held(resource, name, namespace)
        uid = (patch.get("metadata") or {}).get("uid", held["metadata"]["uid"])
        if uid != held["metadata"]["uid"]:
            raise status.conflict(GroupResource("", resource), name, "uid")
        new = apply_strategic_merge_patch(held, copy(patch), builtin_types().for_kind(KINDS[resource]))
        return held if new == held else self.server.put(resource, new)

    async def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        uid: str | None = None,
        grace_period_seconds: int | None = None,
    ) -> Object:
        await self._enter("delete", resource, namespace, name)
        held = self._held(resource, name, namespace)
        assert (uid, grace_period_seconds) == (held["metadata"]["uid"], 0)
        if held["metadata"].get("finalizers"):
            metadata = {**held["metadata"], "deletionGracePeriodSeconds": 0}
            return self.server.put(resource, {**held, "metadata": metadata})
        self.server.remove(resource, name, namespace)
        return held

    async def watch(
        self, resource: str, namespace: str = "", field_selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        await self._enter("watch", resource, namespace, fields=field_selector)
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        entry = (resource, namespace, field_selector, queue)
        self.server.watchers.append(entry)
        try:
            for obj in list(self.server.objects[resource].values()):
                if _selected(obj, field_selector):
                    yield WatchEvent("ADDED", obj)
            yield WatchEvent("BOOKMARK", {})
            while True:
                yield await queue.get()
        finally:
            self.server.watchers.remove(entry)


def pod(name: str, **spec: Any) -> Object:
    """A pod as the API server would have stored it; keywords are fields of its spec."""
    container = {"name": "c", "image": "nginx", "imagePullPolicy": "Always", "resources": {}}
    return {
        "metadata": {"name": name, "namespace": "default", "generation": 1},
        "spec": {
            "containers": [container],
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "serviceAccountName": "default",
            **spec,
        },
        "status": {"phase": "Pending"},
    }
