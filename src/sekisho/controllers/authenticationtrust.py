"""The ConfigMap that tells extension servers whom to believe: the authorities of clients and of front proxies, and
the proxies' headers (pkg/controlplane/controller/clusterauthenticationtrust).

Several API servers may share it, each with flags of its own, so what is there already stays: authorities and
names are added to it, and only certificates that have expired are taken out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sekisho.api import pem
from sekisho.api.clock import Clock
from sekisho.api.goformat import compact_json
from sekisho.api.status import StatusError
from sekisho.authn.frontproxy import CONFIG_MAP
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.controllers")

NAMESPACE = "kube-system"
PERIOD = 60.0
_BUNDLES = ("client-ca-file", "requestheader-client-ca-file")

Data = Mapping[str, str]


async def keep(client: Client, wanted: Callable[[], Data], clock: Clock) -> None:
    """Write it, and look at it again every minute, for as long as the server runs."""
    while True:
        try:
            await ensure(client, wanted(), clock.now())
        except StatusError as error:
            logger.warning("ConfigMap %s/%s could not be written: %s", NAMESPACE, CONFIG_MAP, error)
        await clock.sleep(PERIOD)


async def ensure(client: Client, wanted: Data, now: float) -> None:
    """Create what is missing, or add to what is there. Raises StatusError."""
    present = await client.find("configmaps", CONFIG_MAP, NAMESPACE)
    if present is None:
        metadata = {"name": CONFIG_MAP, "namespace": NAMESPACE}
        data = merged({}, wanted, now)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        await client.create("configmaps", body, NAMESPACE)
        return
    data = merged(present.get("data") or {}, wanted, now)
    if data != present.get("data"):
        await client.update("configmaps", {**present, "data": data}, NAMESPACE)


def merged(present: Data, wanted: Data, now: float) -> dict[str, str]:
    """Both together, by key: bundles without repeats and expired certificates, lists without repeats."""
    out = dict(present)
    for key, value in wanted.items():
        before = present.get(key, "")
        out[key] = _bundle(before + value, now) if key in _BUNDLES else _list(before, value)
    return out


def _bundle(text: str, now: float) -> str:
    certificates: dict[bytes, str] = {}
    for block in pem.blocks(text.encode()):
        if block.type == "CERTIFICATE" and (shown := _valid(block.data, now)):
            certificates[block.data] = shown
    return "".join(certificates.values())


def _valid(der: bytes, now: float) -> str:
    """The certificate as PEM; empty when it has expired or is none."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return ""
    if certificate.not_valid_after_utc.timestamp() < now:
        return ""
    return certificate.public_bytes(Encoding.PEM).decode()


def _list(before: str, wanted: str) -> str:
    try:
        names = json.loads(before) if before else []
    except ValueError:
        names = []
    known = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return compact_json(list(dict.fromkeys([*known, *json.loads(wanted)])))
