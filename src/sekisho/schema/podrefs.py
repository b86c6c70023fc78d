"""What a Pod or PersistentVolume refers to: secrets, config maps, claims.

Follows upstream's pkg/api/v1/pod and pkg/api/v1/persistentvolume visitors, which the Node authorizer's
graph and the admission of mirror pods share. Names may repeat; order is that of the object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sekisho.api.types import Object
from sekisho.schema.podwalk import containers

_SECRET_REFS = ("cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")
_PV_CSI_NODE_REFS = ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")


def volumes(spec: Object) -> list[Object]:
    return spec.get("volumes") or []


def _environment(spec: Object, from_key: str, key_ref: str) -> Iterator[str]:
    for container in containers(spec):
        for source in container.get("envFrom") or ():
            if from_key in source:
                yield source[from_key].get("name", "")
        for variable in container.get("env") or ():
            ref = (variable.get("valueFrom") or {}).get(key_ref)
            if ref is not None:
                yield ref.get("name", "")


def _projected(volume: Object, key: str) -> Iterator[Any]:
    for source in (volume.get("projected") or {}).get("sources") or ():
        if key in source:
            yield source[key]


def pod_secrets(spec: Object) -> Iterator[str]:
    """Names of the secrets that a pod spec uses, in the pod's namespace."""
    for ref in spec.get("imagePullSecrets") or ():
        yield ref.get("name", "")
    yield from _environment(spec, "secretRef", "secretKeyRef")
    for volume in volumes(spec):
        if "secret" in volume:
            yield volume["secret"].get("secretName", "")
        for source in _projected(volume, "secret"):
            yield source.get("name", "")
        if (volume.get("azureFile") or {}).get("secretName"):
            yield volume["azureFile"]["secretName"]
        for kind in _SECRET_REFS:
            ref = (volume.get(kind) or {}).get("secretRef")
            if ref is not None:
                yield ref.get("name", "")
        ref = (volume.get("csi") or {}).get("nodePublishSecretRef")
        if ref is not None:
            yield ref.get("name", "")


def pod_config_maps(spec: Object) -> Iterator[str]:
    """Names of the config maps that a pod spec uses, in the pod's namespace."""
    yield from _environment(spec, "configMapRef", "configMapKeyRef")
    for volume in volumes(spec):
        if "configMap" in volume:
            yield volume["configMap"].get("name", "")
        for source in _projected(volume, "configMap"):
            yield source.get("name", "")


def pod_claims(pod: Object) -> Iterator[str]:
    """Names of the PersistentVolumeClaims of a pod; an ephemeral volume's is `<pod>-<volume>`."""
    for volume in volumes(pod.get("spec") or {}):
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"].get("claimName", "")
        elif "ephemeral" in volume:
            yield f"{pod['metadata'].get('name', '')}-{volume.get('name', '')}"


def pod_resource_claims(pod: Object) -> Iterator[str]:
    """Names of the ResourceClaims of a pod, those made from templates as its status tells them."""
    status = pod.get("status") or {}
    made = {s.get("name"): s.get("resourceClaimName") for s in status.get("resourceClaimStatuses") or ()}
    for claim in (pod.get("spec") or {}).get("resourceClaims") or ():
        name = claim.get("resourceClaimName") or made.get(claim.get("name"))
        if name:
            yield name
    extended = (status.get("extendedResourceClaimStatus") or {}).get("resourceClaimName")
    if extended:
        yield extended


def volume_node_secrets(volume: Object) -> Iterator[tuple[str, str]]:
    """`(namespace, name)` of the secrets that a kubelet needs for a PersistentVolume; a reference without a
    namespace means the claim's."""
    spec = volume.get("spec") or {}
    claim_namespace = (spec.get("claimRef") or {}).get("namespace", "")
    azure = spec.get("azureFile")
    if azure is not None:
        yield azure.get("secretNamespace") or claim_namespace, azure.get("secretName", "")
    for kind in _SECRET_REFS:
        ref = (spec.get(kind) or {}).get("secretRef")
        if ref is not None:
            yield ref.get("namespace") or claim_namespace, ref.get("name", "")
    csi = spec.get("csi") or {}
    for key in _PV_CSI_NODE_REFS:
        if key in csi:
            yield csi[key].get("namespace", ""), csi[key].get("name", "")
