"""An in-process client: the same checkpoint as over HTTP (authorization, admission), without TLS and JSON.

Controllers and the node agent use it, each with its own identity. Resources are named as kubectl names
them, `pods` or `deployments.apps`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from sekisho.api import status
from sekisho.api.encoding import copy, encode
from sekisho.api.fields import parse_field_selector
from sekisho.api.types import Attributes, Authorizer, Object, UserInfo, Verdict
from sekisho.registry import creating, deleting, listing, patching, updating, watching
from sekisho.registry.options import ListOptions, WriteOptions, delete_options
from sekisho.registry.registry import Registry
from sekisho.registry.rest import Rest, Subresource
from sekisho.registry.strategy import Context
from sekisho.schema.decode import DecodeError

PATCH_TYPES = {
    "json": patching.PatchType.JSON,
    "merge": patching.PatchType.MERGE,
    "strategic": patching.PatchType.STRATEGIC,
    "apply": patching.PatchType.APPLY,
}


class WatchEvent(NamedTuple):
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK (the end of the first state; `object` is empty then)."""

    type: str
    object: Object


Recorder = Callable[[Attributes, Verdict], None]


class Client:
    """Speaks to one registry as one user. Every method raises StatusError as the HTTP API answers it."""

    def __init__(
        self,
        registry: Registry,
        authorizer: Authorizer,
        user: UserInfo,
        manager: str = "sekisho",
        recorder: Recorder | None = None,
    ) -> None:
        self.registry = registry
        self.user = user
        self._authorizer = authorizer
        self._manager = manager
        self._recorder = recorder

    def as_user(self, user: UserInfo, manager: str) -> Client:
        """The same server, spoken to as somebody else."""
        return Client(self.registry, self._authorizer, user, manager, self._recorder)

    async def _enter(
        self,
        verb: str,
        resource: str,
        namespace: str,
        name: str = "",
        subresource: str = "",
        field_selector: str = "",
    ) -> tuple[Rest, Context]:
        rest = self.registry.named(resource)
        attributes = Attributes(
            user=self.user,
            verb=verb,
            namespace=namespace,
            api_group=rest.info.group,
            api_version=rest.info.version,
            resource=rest.info.resource,
            subresource=subresource,
            name=name,
        )
        if field_selector:
            selector = parse_field_selector(field_selector)
            attributes.field_selector = selector.terms
            attributes.name = selector.requires_exact("metadata.name") or ""
        verdict = await self._authorizer.authorize(attributes)
        if self._recorder is not None:
            self._recorder(attributes, verdict)
        if not verdict.allowed:
            raise status.authorization_forbidden(attributes, verdict.reason)
        ctx = self.registry.context(
            self.user,
            self._authorizer,
            namespace=namespace,
            name=name,
            verb=verb,
            subresource=subresource,
            field_manager=self._manager,
        )
        if subresource:
            target = rest.subresources.get(subresource)
            if isinstance(target, Rest):
                return target, ctx
            if target is None:
                raise status.route_not_found()
        return rest, ctx

    async def get(self, resource: str, name: str, namespace: str = "") -> Object:
        """The object; shared with the cache, so not to be changed."""
        rest, ctx = await self._enter("get", resource, namespace, name)
        return rest.answer(rest.entry(ctx.namespace, name)).obj

    async def find(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """As `get`, None when it does not exist."""
        try:
            return await self.get(resource, name, namespace)
        except status.StatusError as error:
            if error.code != 404:
                raise
            return None

    async def list(
        self, resource: str, namespace: str = "", label_selector: str = "", field_selector: str = ""
    ) -> list[Object]:
        rest, ctx = await self._enter("list", resource, namespace, field_selector=field_selector)
        options = ListOptions(label_selector=label_selector, field_selector=field_selector)
        return list((await listing.list_objects(rest, ctx, options)).objects())

    async def create(
        self, resource: str, obj: Object, namespace: str = "", name: str = "", subresource: str = ""
    ) -> Object:
        rest, ctx = await self._enter("create", resource, namespace, name, subresource)
        handler = rest.subresources[subresource] if subresource else rest.virtual
        if isinstance(handler, Subresource):
            return (await handler.create(rest, ctx, handler.typed(copy(obj))[0], WriteOptions())).obj
        return (await creating.create(rest, ctx, _typed(rest, obj), WriteOptions())).obj

    async def update(self, resource: str, obj: Object, namespace: str = "", subresource: str = "") -> Object:
        name = obj["metadata"]["name"]
        rest, ctx = await self._enter("update", resource, namespace, name, subresource)
        return (await updating.update(rest, ctx, _typed(rest, obj), WriteOptions())).obj

    async def patch(
        self,
        resource: str,
        name: str,
        patch: Any,
        namespace: str = "",
        type: str = "merge",
        subresource: str = "",
        force: bool | None = None,
        manager: str = "",
    ) -> Object:
        """`type` is merge, strategic, json or apply; `patch` the patch as JSON values. `manager` owns the
        fields, if not the client's own."""
        rest, ctx = await self._enter("patch", resource, namespace, name, subresource)
        ctx.field_manager = manager or ctx.field_manager
        options = WriteOptions(force=force)
        return (await patching.patch(rest, ctx, PATCH_TYPES[type], encode(patch), options)).obj

    async def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> Object:
        rest, ctx = await self._enter("delete", resource, namespace, name)
        raw: Object = {}
        if grace_period_seconds is not None:
            raw["gracePeriodSeconds"] = grace_period_seconds
        if propagation_policy is not None:
            raw["propagationPolicy"] = propagation_policy
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {k: v for k, v in preconditions.items() if v is not None}
        if preconditions:
            raw["preconditions"] = preconditions
        return (await deleting.delete(rest, ctx, delete_options(raw))).obj

    async def delete_collection(
        self, resource: str, namespace: str, propagation_policy: str = "Background"
    ) -> None:
        rest, ctx = await self._enter("deletecollection", resource, namespace)
        options = delete_options({"propagationPolicy": propagation_policy})
        await deleting.delete_collection(rest, ctx, options, ListOptions())

    async def watch(
        self, resource: str, namespace: str = "", label_selector: str = "", field_selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """All present objects as ADDED, one BOOKMARK, then every change, for as long as the caller iterates.

        A watch that fell behind starts over: its objects come as ADDED once more."""
        rest, ctx = await self._enter("watch", resource, namespace, field_selector=field_selector)
        options = ListOptions(
            label_selector=label_selector,
            field_selector=field_selector,
            watch=True,
            allow_watch_bookmarks=True,
            send_initial_events=True,
            resource_version_match="NotOlderThan",
        )
        while True:
            stream = await watching.watch(rest, ctx, options)
            try:
                while True:
                    batch = await stream.next_batch()
                    if batch is None:
                        break
                    for event in batch:
                        yield WatchEvent(event.type, event.obj)
            finally:
                stream.close()


def _typed(rest: Rest, obj: Object) -> Object:
    try:
        return rest.typed(copy(obj))[0]
    except DecodeError as error:
        raise status.bad_request(str(error))
