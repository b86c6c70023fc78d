"""The Lease by which an API server says that it is there, and the clean-up of those of servers that are not
(kube-apiserver's identity and its lease garbage collector).

It is renewed less often than upstream's ten seconds: a lease of an hour needs no more, and a cluster where
nothing happens writes less.
"""

from __future__ import annotations

import base64
import hashlib
import logging

from sekisho.api.clock import Clock
from sekisho.api.status import StatusError
from sekisho.api.time import format_micro_time, parse_time
from sekisho.api.types import Object
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.controllers")

RESOURCE = "leases.coordination.k8s.io"
NAMESPACE = "kube-system"
LABEL = "apiserver.kubernetes.io/identity"
SERVER = "kube-apiserver"
HOSTNAME = "kubernetes.io/hostname"
DURATION = 3600
RENEWAL = 60.0
CLEANING = 3600.0


def server_name(hostname: str) -> str:
    """`apiserver-` and what the host's name comes to: the same after a restart."""
    digest = hashlib.sha256(hostname.encode()).digest()[:16]
    return "apiserver-" + base64.b32encode(digest).decode().rstrip("=").lower()


async def keep(client: Client, hostname: str, incarnation: str, clock: Clock) -> None:
    """Hold the lease for as long as the server runs. `incarnation` tells one start from the next."""
    cleaned = clock.monotonic() - CLEANING
    while True:
        try:
            await renew(client, hostname, incarnation, clock.now())
            if clock.monotonic() - cleaned >= CLEANING:
                cleaned = clock.monotonic()
                await clean(client, clock.now())
        except StatusError as error:
            logger.warning("the server's identity lease could not be written: %s", error)
        await clock.sleep(RENEWAL)


async def renew(client: Client, hostname: str, incarnation: str, now: float) -> None:
    """Create or renew this server's lease. Raises StatusError."""
    name = server_name(hostname)
    holder, moment = f"{name}_{incarnation}", format_micro_time(now)
    present = await client.find(RESOURCE, name, NAMESPACE)
    if present is None:
        labels = {LABEL: SERVER, HOSTNAME: hostname}
        spec = {"holderIdentity": holder, "leaseDurationSeconds": DURATION, "renewTime": moment}
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
        await client.create(RESOURCE, {"metadata": metadata, "spec": spec}, NAMESPACE)
        return
    spec = {**present.get("spec", {}), "holderIdentity": holder, "renewTime": moment}
    await client.update(RESOURCE, {**present, "spec": spec}, NAMESPACE)


async def clean(client: Client, now: float) -> None:
    """Delete the leases of servers that have not renewed them in time. Raises StatusError."""
    for lease in await client.list(RESOURCE, NAMESPACE, label_selector=f"{LABEL}={SERVER}"):
        if _expired(lease, now):
            metadata = lease["metadata"]
            await client.delete(RESOURCE, metadata["name"], NAMESPACE, uid=metadata["uid"])


def _expired(lease: Object, now: float) -> bool:
    spec = lease.get("spec", {})
    renewed, duration = spec.get("renewTime"), spec.get("leaseDurationSeconds")
    return renewed is None or duration is None or parse_time(renewed) + duration < now
