"""Tokens that a node asks for: bound to a pod of its own, for an audience that the pod's volumes name."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.admission.noderestriction.pods import find_pod
from sekisho.api.goformat import aggregate, quote
from sekisho.api.types import Attributes, Object
from sekisho.schema.podrefs import volumes

VERB = "request-serviceaccounts-token-audience"
_MIGRATED = {
    "awsElasticBlockStore": "ebs.csi.aws.com",
    "azureDisk": "disk.csi.azure.com",
    "azureFile": "file.csi.azure.com",
    "cinder": "cinder.csi.openstack.org",
    "gcePersistentDisk": "pd.csi.storage.gke.io",
    "portworxVolume": "pxd.portworx.com",
    "vsphereVolume": "csi.vsphere.vmware.com",
}
"""In-tree volumes and the CSI driver that serves them now."""


async def check(node: str, request: AdmissionRequest) -> None:
    """serviceaccounts/token; other writes of service accounts are the authorizer's affair."""
    if request.operation is not Operation.CREATE or request.subresource != "token":
        return
    spec = (request.object or {}).get("spec") or {}
    pod = _bound_pod(node, request, spec.get("boundObjectRef") or {})
    audiences = spec.get("audiences") or []
    if len(audiences) > 1:
        raise request.forbidden("node may only request 0 or 1 audiences")
    audience = audiences[0] if audiences else ""
    errors: list[str] = []
    if any(audience == named for named in _audiences(request, pod, errors)):
        return
    if errors:
        raise request.forbidden(f"error validating audience {quote(audience)}: {aggregate(errors)}")
    if not await _may_request(request, audience):
        raise request.forbidden(
            f"audience {quote(audience)} not found in pod spec volume, {request.user.name} is not authorized to "
            "request tokens for this audience"
        )


def _bound_pod(node: str, request: AdmissionRequest, ref: Object) -> Object:
    if (ref.get("apiVersion"), ref.get("kind")) != ("v1", "Pod") or not ref.get("name"):
        raise request.forbidden("node requested token not bound to a pod")
    uid = ref.get("uid", "")
    if not uid:
        raise request.forbidden("node requested token with a pod binding without a uid")
    pod = find_pod(request, ref["name"])
    if pod["metadata"]["uid"] != uid:
        raise request.forbidden(
            f"the UID in the bound object reference ({uid}) does not match the UID in record. The object might have "
            "been deleted and then recreated"
        )
    if (pod.get("spec") or {}).get("nodeName", "") != node:
        raise request.forbidden("node requested token bound to a pod scheduled on a different node")
    return pod


async def _may_request(request: AdmissionRequest, audience: str) -> bool:
    attributes = Attributes(
        user=request.user,
        verb=VERB,
        namespace=request.namespace,
        resource=audience,
        name=request.name,
    )
    return (await request.authorizer.authorize(attributes)).allowed


def _audiences(request: AdmissionRequest, pod: Object, errors: list[str]) -> Iterator[str]:
    """The audiences that the pod's volumes give to the node: projected tokens and CSI drivers' token requests."""
    for volume in volumes(pod.get("spec") or {}):
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "serviceAccountToken" in source:
                yield source["serviceAccountToken"].get("audience", "")
        driver = _driver(request, pod, volume, errors)
        if driver:
            yield from _driver_audiences(request, driver, errors)


def _driver(request: AdmissionRequest, pod: Object, volume: Object, errors: list[str]) -> str:
    """The CSI driver behind a pod's volume, directly or through its claim; empty for none."""
    claim = ""
    if "persistentVolumeClaim" in volume:
        claim = volume["persistentVolumeClaim"].get("claimName", "")
    elif "ephemeral" in volume:
        claim = f"{pod['metadata']['name']}-{volume.get('name', '')}"
    if not claim:
        return _driver_of_source(volume)
    found = request.lookup.get("persistentvolumeclaims", request.namespace, claim)
    if found is None:
        errors.append(f"persistentvolumeclaim {quote(claim)} not found")
        return ""
    name = (found.get("spec") or {}).get("volumeName", "")
    persistent = request.lookup.get("persistentvolumes", "", name) if name else None
    if persistent is None:
        errors.append(f"persistentvolume {quote(name)} not found")
        return ""
    return _driver_of_source(persistent.get("spec") or {})


def _driver_of_source(source: Object) -> str:
    if "csi" in source:
        driver: str = source["csi"].get("driver", "")
        return driver
    return next((driver for field, driver in _MIGRATED.items() if field in source), "")


def _driver_audiences(request: AdmissionRequest, name: str, errors: list[str]) -> Iterator[str]:
    driver = request.lookup.get("csidrivers.storage.k8s.io", "", name)
    if driver is None:
        errors.append(f"csidriver.storage.k8s.io {quote(name)} not found")
        return
    for wanted in (driver.get("spec") or {}).get("tokenRequests") or ():
        yield wanted.get("audience", "")
