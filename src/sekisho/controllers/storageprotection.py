"""Volumes, claims and attributes classes in use stay: their finalizer goes when nothing uses them any more.

Upstream's pvc-protection, pv-protection and volumeattributesclass-protection controllers; admission's
StorageObjectInUseProtection sets the finalizers.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client
from sekisho.registry.informer import Key, key_of

PODS, CLAIMS, VOLUMES = "pods", "persistentvolumeclaims", "persistentvolumes"
CLASSES = "volumeattributesclasses.storage.k8s.io"


class _Protection(Controller):
    """`resource` is what is protected by `finalizer`."""

    resource = ""
    finalizer = ""

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._protected = self.informer(self.resource)
        self._protected.on_change(self._changed)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None:
            self.queue.add(key_of(new))

    def in_use(self, obj: Object) -> bool:
        raise NotImplementedError

    async def reconcile(self, key: Key) -> None:
        obj = self._protected.get(*key)
        if obj is None:
            return
        metadata = obj["metadata"]
        finalizers: list[str] = metadata.get("finalizers") or []
        if "deletionTimestamp" not in metadata or self.finalizer not in finalizers or self.in_use(obj):
            return
        left = [finalizer for finalizer in finalizers if finalizer != self.finalizer]
        new = {**obj, "metadata": {**metadata, "finalizers": left}}
        try:
            await self.client.update(self.resource, new, key[0])
        except StatusError as error:
            if error.code != 404:
                raise


class ClaimProtection(_Protection):
    """A claim is used by the pods that name it, from when they have a node until they have ended."""

    account = "pvc-protection-controller"
    resource = CLAIMS
    finalizer = "kubernetes.io/pvc-protection"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._pods = self.informer(PODS)
        self._pods.on_change(self._pod_changed)

    def _pod_changed(self, new: Object | None, old: Object | None) -> None:
        for pod in (new, old):
            for name in _claims_of(pod or {}):
                self.queue.add(((pod or {})["metadata"]["namespace"], name))

    def in_use(self, obj: Object) -> bool:
        namespace, name = key_of(obj)
        return any(
            name in _claims_of(pod) and pod["spec"].get("nodeName") and not _ended(pod)
            for pod in self._pods.in_namespace(namespace)
        )


def _claims_of(pod: Object) -> Iterator[str]:
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            yield volume["persistentVolumeClaim"].get("claimName", "")
        elif volume.get("ephemeral") is not None:
            yield f"{pod['metadata']['name']}-{volume.get('name', '')}"


def _ended(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


class VolumeProtection(_Protection):
    """A volume is used while it is bound."""

    account = "pv-protection-controller"
    resource = VOLUMES
    finalizer = "kubernetes.io/pv-protection"

    def in_use(self, obj: Object) -> bool:
        return (obj.get("status") or {}).get("phase") == "Bound"


class AttributesClassProtection(_Protection):
    """An attributes class is used by the claims and volumes that name it, now or as their aim."""

    account = "volumeattributesclass-protection-controller"
    resource = CLASSES
    finalizer = "kubernetes.io/vac-protection"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._users = [self.informer(CLAIMS), self.informer(VOLUMES)]
        for informer in self._users:
            informer.on_change(self._user_changed)

    def _user_changed(self, new: Object | None, old: Object | None) -> None:
        for user in (new, old):
            for name in _classes_of(user or {}):
                self.queue.add(("", name))

    def in_use(self, obj: Object) -> bool:
        name = obj["metadata"]["name"]
        return any(name in _classes_of(user) for informer in self._users for user in informer)


def _classes_of(user: Object) -> set[str]:
    spec, status = user.get("spec") or {}, user.get("status") or {}
    named = (
        spec.get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return {name for name in named if name}
