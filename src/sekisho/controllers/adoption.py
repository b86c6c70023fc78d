"""Which objects belong to a controller: those it owns, orphans that match are adopted, others are let go.

Follows upstream's controller_ref_manager. Adoption needs a fresh look at the owner, so that one that was
deleted, perhaps made anew under its name, does not adopt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sekisho.api import status
from sekisho.api.labels import Selector
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.informers import View, controller_of
from sekisho.registry.client import Client


def owner_reference(owner: Object) -> Object:
    """The reference by which `owner`, which carries its kind, manages an object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_owned_by(obj: Object, owner: Object) -> bool:
    found = controller_of(obj)
    return found is not None and found["uid"] == owner["metadata"]["uid"]


class Claims:
    """Claims objects of `resource` for `owner`, which is one of `owner_resource`.

    `finalizers` are put on what is adopted and taken from what is let go.
    """

    def __init__(
        self,
        client: Client,
        resource: str,
        owner: Object,
        owner_resource: str,
        selector: Selector,
        finalizers: Sequence[str] = (),
    ) -> None:
        self._client = client
        self._resource = resource
        self._owner = owner
        self._owner_resource = owner_resource
        self._selector = selector
        self._finalizers = list(finalizers)
        self._may_adopt = False

    async def claim_from(self, view: View) -> list[Object]:
        """What belongs to the owner, of what it owns and the orphans of its namespace. See `claim`."""
        metadata = self._owner["metadata"]
        return await self.claim([*view.owned_by(metadata["uid"]), *view.orphans(metadata["namespace"])], view)

    async def claim(self, objects: Iterable[Object], view: View) -> list[Object]:
        """Those that belong to the owner, after adoption. Raises the first StatusError after all were tried;
        `view` has seen what was written when this returns."""
        kept: list[Object] = []
        written: list[Object] = []
        failure: StatusError | None = None
        for obj in objects:
            try:
                claimed = await self._claim(obj)
            except StatusError as error:
                failure = failure or error
                continue
            if claimed is not None and claimed is not obj:
                written.append(claimed)
            if claimed is not None and is_owned_by(claimed, self._owner):
                kept.append(claimed)
        await view.reached(*written)
        if failure is not None:
            raise failure
        return kept

    async def _claim(self, obj: Object) -> Object | None:
        """The object as it is now; None for one that is none of this owner's business, or gone."""
        controller = controller_of(obj)
        matches = self._selector.matches(obj["metadata"].get("labels") or {})
        going = bool(self._owner["metadata"].get("deletionTimestamp"))
        if controller is not None:
            if controller["uid"] != self._owner["metadata"]["uid"]:
                return None
            return obj if matches else None if going else await self._release(obj)
        if going or not matches or obj["metadata"].get("deletionTimestamp"):
            return None
        return await self._adopt(obj)

    async def _adopt(self, obj: Object) -> Object | None:
        await self._check_owner()
        metadata: Object = {
            "ownerReferences": [owner_reference(self._owner)],
            "uid": obj["metadata"]["uid"],
        }
        if self._finalizers:
            metadata["finalizers"] = self._finalizers
        return await self._patch(obj, metadata)

    async def _release(self, obj: Object) -> Object | None:
        uid = self._owner["metadata"]["uid"]
        metadata: Object = {
            "ownerReferences": [{"$patch": "delete", "uid": uid}],
            "uid": obj["metadata"]["uid"],
        }
        if self._finalizers:
            metadata["$deleteFromPrimitiveList/finalizers"] = self._finalizers
        try:
            return await self._patch(obj, metadata)
        except StatusError as error:
            if error.reason != "Invalid":
                raise
            return None  # another one by that name, or with two controllers: nothing to let go of

    async def _patch(self, obj: Object, metadata: Object) -> Object | None:
        name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
        patch: Any = {"metadata": metadata}
        try:
            return await self._client.patch(self._resource, name, patch, namespace, type="strategic")
        except StatusError as error:
            if error.code != 404:
                raise
            return None

    async def _check_owner(self) -> None:
        """Raises when the owner is not what it was. Asked once for all orphans."""
        if self._may_adopt:
            return
        metadata = self._owner["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        fresh = (await self._client.get(self._owner_resource, name, namespace))["metadata"]
        if fresh["uid"] != metadata["uid"]:
            raise status.plain_error(
                f"original {self._owner['kind']} {namespace}/{name} is gone: "
                f"got uid {fresh['uid']}, wanted {metadata['uid']}"
            )
        if fresh.get("deletionTimestamp"):
            raise status.plain_error(
                f"{namespace}/{name} has just been deleted at {fresh['deletionTimestamp']}"
            )
        self._may_adopt = True
