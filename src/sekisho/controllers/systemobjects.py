"""What every cluster holds from its first second: system namespaces, the `kubernetes` Service, what clients of
the front proxy read. Written by the API server itself, and looked at again every minute.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.registry.client import Client

NAMESPACES = ("kube-system", "kube-public", "default", "kube-node-lease")
PERIOD = 60.0

PRIORITY_CLASSES = {
    "system-cluster-critical": (
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    "system-node-critical": (
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the API server is reached, and as which Service."""

    service_ip: str
    address: str
    port: int
    service_ranges: tuple[str, ...] = ()


async def ensure_namespaces(client: Client) -> None:
    await asyncio.gather(*(_ensure(client, "namespaces", _object("v1", "Namespace", n)) for n in NAMESPACES))


async def ensure_objects(client: Client, endpoint: Endpoint) -> None:
    """The Service, its endpoints, the range of its address, and the system priority classes."""
    port: Object = {"name": "https", "port": endpoint.port, "protocol": "TCP"}
    wanted = [
        ("services", _service(endpoint)),
        (
            "endpoints",
            {
                **_object("v1", "Endpoints", "kubernetes", "default"),
                "metadata": {
                    "name": "kubernetes",
                    "namespace": "default",
                    "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
                },
                "subsets": [{"addresses": [{"ip": endpoint.address}], "ports": [port]}],
            },
        ),
        (
            "endpointslices.discovery.k8s.io",
            {
                **_object("discovery.k8s.io/v1", "EndpointSlice", "kubernetes", "default"),
                "metadata": {
                    "name": "kubernetes",
                    "namespace": "default",
                    "labels": {"kubernetes.io/service-name": "kubernetes"},
                },
                "addressType": "IPv6" if ":" in endpoint.address else "IPv4",
                "endpoints": [{"addresses": [endpoint.address], "conditions": {"ready": True}}],
                "ports": [port],
            },
        ),
        (
            "servicecidrs.networking.k8s.io",
            {
                **_object("networking.k8s.io/v1", "ServiceCIDR", "kubernetes"),
                "spec": {"cidrs": list(endpoint.service_ranges)},
            },
        ),
        *(("priorityclasses.scheduling.k8s.io", _priority_class(n)) for n in PRIORITY_CLASSES),
    ]
    await asyncio.gather(*(_ensure(client, resource, obj) for resource, obj in wanted))


def _service(endpoint: Endpoint) -> Object:
    return {
        **_object("v1", "Service", "kubernetes", "default"),
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": endpoint.service_ip,
            "clusterIPs": [endpoint.service_ip],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilyPolicy": "SingleStack",
            "ipFamilies": ["IPv6" if ":" in endpoint.service_ip else "IPv4"],
            "internalTrafficPolicy": "Cluster",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": endpoint.port}],
        },
    }


def _priority_class(name: str) -> Object:
    value, description = PRIORITY_CLASSES[name]
    return {
        **_object("scheduling.k8s.io/v1", "PriorityClass", name),
        "value": value,
        "description": description,
    }


def _object(api_version: str, kind: str, name: str, namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


async def _ensure(client: Client, resource: str, obj: Object) -> None:
    """Create what is missing; for the server's own address, correct what is different."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "")
    present = await client.find(resource, metadata["name"], namespace)
    try:
        if present is None:
            await client.create(resource, obj, namespace)
        elif _differs(present, obj):
            changed = {k: v for k, v in obj.items() if k in ("subsets", "endpoints", "ports", "addressType")}
            await client.update(resource, {**present, **changed}, namespace)
    except StatusError as error:
        if error.reason not in ("AlreadyExists", "Conflict"):
            raise


def _differs(present: Object, wanted: Object) -> bool:
    return any(present.get(k) != wanted[k] for k in ("subsets", "endpoints", "ports") if k in wanted)


async def keep(client: Client, endpoint: Endpoint, clock: Clock) -> None:
    """Bring them back, once a minute, for as long as the server runs."""
    while True:
        await clock.sleep(PERIOD)
        await ensure_namespaces(client)
        await ensure_objects(client, endpoint)
