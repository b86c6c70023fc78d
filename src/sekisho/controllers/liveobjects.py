"""The garbage collector's hands: live objects of any kind by their coordinates, read, cut loose, deleted.

A kind that is not served raises a StatusError, as a failed request does: its object is looked at again later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sekisho.api import status
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.ownergraph import Identity, blocks
from sekisho.registry.client import Client
from sekisho.schema.resources import ResourceInfo

_CONFLICTS = 5

Rewrite = Callable[[list[Object]], list[Object]]


class LiveObjects:
    """`served` lists the resources there are."""

    def __init__(self, client: Client, served: Callable[[], Iterable[ResourceInfo]]) -> None:
        self._client = client
        self._served = served
        self._infos: dict[tuple[str, str], ResourceInfo] = {}

    def refresh(self) -> list[ResourceInfo]:
        """Learn anew what is served."""
        served = list(self._served())
        self._infos = {(str(info.group_version), info.kind): info for info in served}
        return served

    def info(self, api_version: str, kind: str) -> ResourceInfo:
        """The resource of a kind. Raises StatusError for one that is not served."""
        if (api_version, kind) not in self._infos:
            self.refresh()
        found = self._infos.get((api_version, kind))
        if found is None:
            raise status.plain_error(f"unable to get REST mapping for {api_version}/{kind}.")
        return found

    async def find(self, identity: Identity) -> Object | None:
        """The object with these coordinates and this uid; the namespace does not matter to cluster-scoped kinds."""
        info = self.info(identity.api_version, identity.kind)
        namespace = identity.namespace if info.namespaced else ""
        found = await self._client.find(str(info.group_resource), identity.name, namespace)
        return found if found is not None and found["metadata"]["uid"] == identity.uid else None

    async def present(self, resource: str) -> set[str]:
        """The uids of all objects of a resource."""
        return {obj["metadata"]["uid"] for obj in await self._client.list(resource)}

    async def cut(self, identity: Identity, owners: set[str]) -> None:
        """Take owners out of an object's references."""
        removals: list[Object] = [{"$patch": "delete", "uid": uid} for uid in sorted(owners)]
        await self._patch_owners(
            identity, removals, lambda refs: [ref for ref in refs if ref["uid"] not in owners]
        )

    async def unblock(self, identity: Identity, owners: list[Object]) -> None:
        """Make an object block none of its owners."""
        changes = [{**owner, "blockOwnerDeletion": False} for owner in owners if blocks(owner)]
        await self._patch_owners(
            identity, changes, lambda refs: [{**ref, "blockOwnerDeletion": False} for ref in refs]
        )

    async def _patch_owners(self, identity: Identity, changes: list[Object], rewrite: Rewrite) -> None:
        """By strategic merge, or as a whole for custom objects, which know no such patch."""
        patch: Object = {"metadata": {"ownerReferences": changes, "uid": identity.uid}}
        try:
            await self._patch(identity, patch, "strategic")
            return
        except StatusError as error:
            if error.code != 415:
                raise
        live = await self.find(identity)
        if live is not None:
            metadata = live["metadata"]
            left = rewrite(metadata.get("ownerReferences") or [])
            patch = {"resourceVersion": metadata["resourceVersion"], "ownerReferences": left or None}
            await self._patch(identity, {"metadata": patch}, "merge")

    async def remove_finalizer(self, identity: Identity, finalizer: str) -> None:
        """Nothing to do for an object that is gone, or has it no more."""
        for attempt in range(1, _CONFLICTS + 1):
            live = await self.find(identity)
            if live is None or finalizer not in live["metadata"].get("finalizers", ()):
                return
            metadata = live["metadata"]
            left = [f for f in metadata["finalizers"] if f != finalizer]
            patch = {"resourceVersion": metadata["resourceVersion"], "finalizers": left or None}
            try:
                await self._patch(identity, {"metadata": patch}, "merge")
                return
            except StatusError as error:
                if error.code != 404 and (error.code != 409 or attempt == _CONFLICTS):
                    raise

    async def delete(self, identity: Identity, metadata: Object, policy: str) -> None:
        """Delete what `metadata` was read from, and nothing that has got other owners since.

        Raises StatusError, 404 when it is gone already.
        """
        try:
            await self._delete(identity, policy, metadata["resourceVersion"])
        except StatusError as error:
            live = await self.find(identity) if error.code == 409 else None
            if live is None or live["metadata"]["resourceVersion"] == metadata["resourceVersion"]:
                raise
            if live["metadata"].get("ownerReferences") != metadata.get("ownerReferences"):
                raise
            await self._delete(identity, policy, None)

    async def _delete(self, identity: Identity, policy: str, resource_version: str | None) -> None:
        info = self.info(identity.api_version, identity.kind)
        await self._client.delete(
            str(info.group_resource),
            identity.name,
            identity.namespace,
            uid=identity.uid,
            resource_version=resource_version,
            propagation_policy=policy,
        )

    async def _patch(self, identity: Identity, patch: Any, type_: str) -> None:
        info = self.info(identity.api_version, identity.kind)
        await self._client.patch(
            str(info.group_resource), identity.name, patch, identity.namespace, type=type_
        )
