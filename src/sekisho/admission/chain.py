"""The plugins in upstream's order, and the bridge from the registry to them.

Mutating plugins see an object without uid and, with generateName, without a name; validating ones see it
as it will be stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.encoding import copy
from sekisho.api.jsondiff import changes
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.registry.registry import Registry
from sekisho.registry.rest import Rest
from sekisho.registry.strategy import Context

_NOBODY: frozenset[Plugin] = frozenset()


class CacheLookup:
    """Reads for plugins, straight from the registry's cache."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self._registry.lookup(resource, namespace, name)

    def list(self, resource: str, namespace: str) -> Sequence[Object]:
        return self._registry.lookup_all(resource, namespace)


class Chain:
    """Runs the plugins; only those that override `admit` or `validate` are called for it."""

    def __init__(self, registry: Registry, plugins: Sequence[Plugin]) -> None:
        self._lookup = CacheLookup(registry)
        self._mutating = [p for p in plugins if type(p).admit is not Plugin.admit]
        self._validating = [p for p in plugins if type(p).validate is not Plugin.validate]
        self._by_resource: dict[str, frozenset[Plugin]] = {}

    async def admit(
        self,
        ctx: Context,
        rest: Rest,
        operation: str,
        obj: Object | None,
        old: Object | None,
        options: Object,
    ) -> None:
        request = self._request(ctx, rest, operation, obj, old, options)
        record = ctx.mutations
        watched = self._changing(rest.info.resource) if record is not None else _NOBODY
        before = copy(obj) if watched else None
        for plugin in self._mutating:
            try:
                await plugin.admit(request)
            except StatusError as error:
                _note_refusal(record, plugin, error)
                raise
            if record is not None and plugin in watched and obj != before:
                record.append({"plugin": plugin.name, "changes": _shown(rest, before, obj)})
                before = copy(obj)

    def _changing(self, resource: str) -> frozenset[Plugin]:
        """The plugins that may change objects of a resource."""
        found = self._by_resource.get(resource)
        if found is None:
            found = frozenset(p for p in self._mutating if p.may_change is None or resource in p.may_change)
            self._by_resource[resource] = found
        return found

    async def validate(
        self,
        ctx: Context,
        rest: Rest,
        operation: str,
        obj: Object | None,
        old: Object | None,
        options: Object,
    ) -> None:
        request = self._request(ctx, rest, operation, obj, old, options)
        for plugin in self._validating:
            try:
                await plugin.validate(request)
            except StatusError as error:
                _note_refusal(ctx.mutations, plugin, error)
                raise

    def _request(
        self,
        ctx: Context,
        rest: Rest,
        operation: str,
        obj: Object | None,
        old: Object | None,
        options: Object,
    ) -> AdmissionRequest:
        name = ctx.name
        if not name and obj is not None:
            name = obj["metadata"].get("name", "")
        return AdmissionRequest(
            operation=Operation(operation),
            info=rest.info,
            user=ctx.user,
            lookup=self._lookup,
            authorizer=ctx.authorizer,
            object=obj,
            old_object=old,
            subresource=rest.subresource,
            namespace=ctx.namespace,
            name=name,
            dry_run=ctx.dry_run,
            options=options,
            warnings=ctx.warnings,
            annotations=ctx.annotations,
        )


def _note_refusal(record: list[Object] | None, plugin: Plugin, error: StatusError) -> None:
    if record is not None:
        record.append({"plugin": plugin.name, "refusal": error.message})


def _shown(rest: Rest, before: Object | None, after: Object | None) -> list[Object]:
    """The changes that a plugin made; of Secrets only where, not what."""
    found = changes(before, after)
    if (rest.info.group, rest.info.resource) == ("", "secrets"):
        return [{key: value for key, value in change.items() if key != "value"} for change in found]
    return found
