"""Pods of a node: mirror pods it creates and deletes, the status of its pods, their eviction."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.api.goformat import quote
from sekisho.api.status import not_found
from sekisho.api.types import GroupResource, Object
from sekisho.schema.podrefs import pod_config_maps, pod_resource_claims, pod_secrets, volumes

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
_VOLUMES = (
    ("csi", "csidrivers (via CSI volumes)"),
    ("glusterfs", "endpoints (via glusterFS volumes)"),
    ("persistentVolumeClaim", "persistentvolumeclaims"),
    ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)"),
    ("azureFile", "secrets (via azureFile volumes)"),
)
_PROJECTIONS = (
    ("serviceAccountToken", "serviceaccounts (via projected volumes)"),
    ("clusterTrustBundle", "clustertrustbundles"),
    ("podCertificate", "podcertificates"),
)


async def check(node: str, request: AdmissionRequest) -> None:
    """By subresource; 403 with upstream's text, 404 for a pod or node that is not there."""
    if request.subresource == "":
        _check_pod(node, request)
    elif request.subresource == "status":
        _check_status(node, request)
    elif request.subresource == "eviction":
        _check_eviction(node, request)
    else:
        raise request.forbidden(
            f"unexpected pod subresource {quote(request.subresource)}, only 'status' and 'eviction' are allowed"
        )


def find_pod(request: AdmissionRequest, name: str) -> Object:
    """The pod, or the 404 of upstream's lister, which names the singular."""
    pod = request.lookup.get("pods", request.namespace, name)
    if pod is None:
        raise not_found(GroupResource("", "pod"), name)
    return pod


def _node_of(pod: Object) -> str:
    node: str = (pod.get("spec") or {}).get("nodeName", "")
    return node


def _check_pod(node: str, request: AdmissionRequest) -> None:
    if request.operation is Operation.CREATE:
        _check_create(node, request)
    elif request.operation is Operation.DELETE:
        if _node_of(find_pod(request, request.name)) != node:
            raise request.forbidden(
                f"node {quote(node)} can only delete pods with spec.nodeName set to itself"
            )
    else:
        operation = quote(request.operation.value)
        raise request.forbidden(
            f"unexpected operation {operation}, node {quote(node)} can only create and delete mirror pods"
        )


def _check_create(node: str, request: AdmissionRequest) -> None:
    pod = request.object or {}
    if MIRROR_ANNOTATION not in (pod["metadata"].get("annotations") or {}):
        raise request.forbidden(
            f"pod does not have {quote(MIRROR_ANNOTATION)} annotation, node {quote(node)} can only create "
            "mirror pods"
        )
    if _node_of(pod) != node:
        raise request.forbidden(f"node {quote(node)} can only create pods with spec.nodeName set to itself")
    _check_owner(node, request, pod["metadata"].get("ownerReferences") or [])
    what = _reference(pod)
    if what:
        raise request.forbidden(f"node {quote(node)} can not create pods that reference {what}")


def _check_owner(node: str, request: AdmissionRequest, owners: list[Object]) -> None:
    """A mirror pod belongs to the Node object of its node, by uid."""
    only = f"node {quote(node)} can only create pods with"
    if len(owners) > 1:
        raise request.forbidden(f"{only} a single owner reference set to itself")
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        raise request.forbidden(f"{only} an owner reference set to itself")
    if not owner.get("controller"):
        raise request.forbidden(f"{only} a controller owner reference set to itself")
    if owner.get("blockOwnerDeletion"):
        raise request.forbidden(f"node {quote(node)} must not set blockOwnerDeletion on an owner reference")
    known = request.lookup.get("nodes", "", node)
    if known is None:
        raise not_found(GroupResource("", "node"), node)
    if owner.get("uid") != known["metadata"]["uid"]:
        raise request.forbidden(
            f"node {node} UID mismatch: expected {owner.get('uid', '')} got {known['metadata']['uid']}"
        )


def _reference(pod: Object) -> str:
    """The first kind of API object that a pod refers to, empty for none."""
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName"):
        return "serviceaccounts"
    if any(True for _ in pod_secrets(spec)):
        return "secrets"
    if any(True for _ in pod_config_maps(spec)):
        return "configmaps"
    if spec.get("resourceClaims") or any(True for _ in pod_resource_claims(pod)):
        return "resourceclaims"
    for volume in volumes(spec):
        for field, what in _VOLUMES:
            if field in volume:
                return what
        for source in (volume.get("projected") or {}).get("sources") or ():
            for field, what in _PROJECTIONS:
                if field in source:
                    return what
    return ""


def _check_status(node: str, request: AdmissionRequest) -> None:
    if request.operation is not Operation.UPDATE:
        raise request.forbidden(f"unexpected operation {quote(request.operation.value)}")
    old, new = request.old_object or {}, request.object or {}
    if _node_of(old) != node:
        only = f"node {quote(node)} can only update pod status for pods"
        raise request.forbidden(f"{only} with spec.nodeName set to itself")
    if (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
        raise request.forbidden(f"node {quote(node)} cannot update labels through pod status")
    before, after = old.get("status") or {}, new.get("status") or {}
    if (before.get("resourceClaimStatuses") or []) != (after.get("resourceClaimStatuses") or []):
        raise request.forbidden(f"node {quote(node)} cannot update resource claim statues")
    if before.get("extendedResourceClaimStatus") != after.get("extendedResourceClaimStatus"):
        raise request.forbidden(f"node {quote(node)} cannot update extended resource claim status")


def _check_eviction(node: str, request: AdmissionRequest) -> None:
    if request.operation is not Operation.CREATE:
        raise request.forbidden(f"unexpected operation {quote(request.operation.value)}")
    name = request.name or ((request.object or {}).get("metadata") or {}).get("name", "")
    if not name:
        raise request.forbidden("could not determine pod from request data")
    if _node_of(find_pod(request, name)) != node:
        raise request.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")
