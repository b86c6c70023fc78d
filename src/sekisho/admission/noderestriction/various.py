"""Leases, ResourceSlices and certificate requests of a node."""

from __future__ import annotations

import base64
import binascii

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.api.goformat import quote
from sekisho.api.types import NODE_USER_PREFIX
from sekisho.credentials.certificates import RequestError, parse_request
from sekisho.credentials.subjects import common_name

LEASE_NAMESPACE = "kube-node-lease"
_NODE_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")


async def check_lease(node: str, request: AdmissionRequest) -> None:
    """A node's lease is in its own namespace and has its name."""
    if request.namespace != LEASE_NAMESPACE:
        raise request.forbidden(f"can only access leases in the {quote(LEASE_NAMESPACE)} system namespace")
    name = request.name
    if request.operation is Operation.CREATE:
        name = ((request.object or {}).get("metadata") or {}).get("name", "")
    if name != node:
        raise request.forbidden("can only access node lease with the same name as the requesting node")


async def check_resource_slice(node: str, request: AdmissionRequest) -> None:
    """ResourceSlices carry the node's name; updates cannot change it."""
    if request.operation is Operation.CREATE:
        obj, verb = request.object, "create"
    elif request.operation is Operation.DELETE:
        obj, verb = request.old_object, "delete"
        obj = obj or request.lookup.get("resourceslices.resource.k8s.io", "", request.name)
    else:
        return
    if ((obj or {}).get("spec") or {}).get("nodeName", "") != node:
        raise request.forbidden(
            f"can only {verb} ResourceSlice with the same NodeName as the requesting node"
        )


async def check_signing_request(node: str, request: AdmissionRequest) -> None:
    """A request to the kubelet signers is about the node that sends it."""
    if request.operation is not Operation.CREATE or request.subresource:
        return
    spec = (request.object or {}).get("spec") or {}
    if spec.get("signerName") not in _NODE_SIGNERS:
        return
    try:
        parsed = parse_request(base64.b64decode(spec.get("request", "")))
    except (RequestError, binascii.Error) as error:
        raise request.forbidden(f"unable to parse csr: {error}")
    if common_name(parsed.subject) != f"{NODE_USER_PREFIX}{node}":
        raise request.forbidden(f"can only create a node CSR with CN={NODE_USER_PREFIX}{node}")


async def check_pod_certificate(node: str, request: AdmissionRequest) -> None:
    """PodCertificateRequest is behind a feature gate that is off."""
    raise request.forbidden("PodCertificateRequest feature gate is disabled")
