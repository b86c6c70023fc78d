"""OwnerReferencesPermissionEnforcement: owner references need rights on both ends. Not on by default.

Whoever changes an object's owners decides when it is deleted, so he must be allowed to delete it; whoever
lets it block the deletion of its owner must be allowed to set the owner's finalizers. Follows upstream's
plugin/pkg/admission/gc.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.goformat import quote
from sekisho.api.types import Attributes, Object, Verdict


class Mapping(NamedTuple):
    """Where the objects of a kind are served."""

    group: str
    version: str
    resource: str
    namespaced: bool


Mapper = Callable[[str, str], Mapping | None]
"""From apiVersion and kind to the resource; None for a kind that is not served."""


class OwnerReferencesPermissionEnforcement(Plugin):
    name = "OwnerReferencesPermissionEnforcement"

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper

    async def validate(self, request: AdmissionRequest) -> None:
        if request.operation not in (Operation.CREATE, Operation.UPDATE) or request.object is None:
            return
        if (request.info.group, request.info.resource, request.subresource) == ("", "pods", "status"):
            return
        new, old = _owners(request.object), _owners(request.old_object)
        if new == old:
            return
        if request.operation is Operation.UPDATE:
            await self._may_delete(request)
        blocking = _newly_blocking(new, old)
        if blocking and not await self._may_finalize_all(request):
            for reference in blocking:
                await self._may_finalize(request, reference)

    async def _may_delete(self, request: AdmissionRequest) -> None:
        verdict = await request.authorizer.authorize(
            Attributes(
                user=request.user,
                verb="delete",
                namespace=request.namespace,
                api_group=request.info.group,
                api_version=request.info.version,
                resource=request.info.resource,
                subresource=request.subresource,
                name=request.name,
            )
        )
        if not verdict.allowed:
            raise request.forbidden(
                f"cannot set an ownerRef on a resource you can't delete: {_because(verdict)}"
            )

    async def _may_finalize_all(self, request: AdmissionRequest) -> bool:
        everything = Attributes(
            user=request.user,
            verb="update",
            api_group="*",
            api_version="*",
            resource="*",
            subresource="finalizers",
            name="*",
        )
        return (await request.authorizer.authorize(everything)).allowed

    async def _may_finalize(self, request: AdmissionRequest, reference: Object) -> None:
        version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        mapping = self._mapper(version, kind)
        if mapping is None:
            raise request.forbidden(
                "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion "
                f"{version} Kind {kind}: no matches for kind {quote(kind)} in version {quote(version)}"
            )
        verdict = await request.authorizer.authorize(
            Attributes(
                user=request.user,
                verb="update",
                namespace=request.namespace if mapping.namespaced else "",
                api_group=mapping.group,
                api_version=mapping.version,
                resource=mapping.resource,
                subresource="finalizers",
                name=reference.get("name", ""),
            )
        )
        if not verdict.allowed:
            raise request.forbidden(
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers "
                f"on: {_because(verdict)}"
            )


def _owners(obj: Object | None) -> list[Object]:
    owners: list[Object] = ((obj or {}).get("metadata") or {}).get("ownerReferences") or []
    return owners


def _newly_blocking(new: list[Object], old: list[Object]) -> list[Object]:
    before = {reference.get("uid") for reference in old if reference.get("blockOwnerDeletion")}
    return [r for r in new if r.get("blockOwnerDeletion") and r.get("uid") not in before]


def _because(verdict: Verdict) -> str:
    return f"{verdict.reason}, {verdict.error or '<nil>'}"
