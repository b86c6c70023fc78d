"""What a pod's volumes and environment take from the API: secrets, config maps, tokens, its own fields.

The node asks as itself, one request for each object, in the forms that the Node authorizer and
NodeRestriction allow: gets of what its pods refer to, and tokens bound to the pod. What is missing keeps a
pod from starting, with the kubelet's words.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

from sekisho.api.goformat import quote
from sekisho.api.status import StatusError
from sekisho.api.types import Object
from sekisho.registry.client import Client

Files = dict[str, bytes]
"""Contents by path below the mount point."""


class NotReady(Exception):
    """Something the pod needs is not there; the text is the kubelet's."""


class PodFiles:
    """Reads for one pod. Each object is read once and then kept."""

    def __init__(self, client: Client, pod: Object) -> None:
        self._client = client
        self._pod = pod
        self._read: dict[tuple[str, str], Object] = {}

    async def volume(self, volume: Object) -> Files:
        """The files of a volume; none for kinds that the API has no part in. Raises NotReady."""
        if "secret" in volume:
            source = volume["secret"]
            return await self._secret({**source, "name": source.get("secretName", "")})
        if "configMap" in volume:
            return await self._config_map(volume["configMap"])
        if "downwardAPI" in volume:
            return self._downward(volume["downwardAPI"])
        if "projected" in volume:
            return await self._projected(volume["projected"])
        return {}

    async def _projected(self, projected: Object) -> Files:
        files: Files = {}
        problems = []
        for source in projected.get("sources") or ():
            try:
                files |= await self._source(source)
            except NotReady as error:
                problems.append(str(error))
        if problems:
            raise NotReady(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
        return files

    async def _source(self, source: Object) -> Files:
        if "secret" in source:
            return await self._secret(source["secret"])
        if "configMap" in source:
            return await self._config_map(source["configMap"])
        if "downwardAPI" in source:
            return self._downward(source["downwardAPI"])
        if "serviceAccountToken" in source:
            wanted = source["serviceAccountToken"]
            return {wanted["path"]: (await self.token(wanted)).encode()}
        return {}

    async def token(self, wanted: Object) -> str:
        """A token of the pod's account for a `serviceAccountToken` source, bound to the pod."""
        metadata, account = self._pod["metadata"], self._pod["spec"].get("serviceAccountName", "default")
        audience = wanted.get("audience", "")
        request = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {},
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": wanted.get("expirationSeconds", 3600),
                "boundObjectRef": {
                    "kind": "Pod",
                    "apiVersion": "v1",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
            },
        }
        try:
            answer = await self._client.create(
                "serviceaccounts", request, metadata["namespace"], account, "token"
            )
        except StatusError as error:
            raise NotReady(f"failed to fetch token: {error}") from None
        return str(answer["status"]["token"])

    async def _secret(self, source: Object) -> Files:
        secret = await self._get("secrets", source)
        if secret is None:
            return {}
        data = {k: base64.b64decode(v) for k, v in (secret.get("data") or {}).items()}
        return _chosen(data, source, "secret")

    async def _config_map(self, source: Object) -> Files:
        config_map = await self._get("configmaps", source)
        if config_map is None:
            return {}
        return _chosen(config_map_data(config_map), source, "config")

    async def _get(self, resource: str, source: Object) -> Object | None:
        """The object a source names, None where it may be missing and is."""
        key = (resource, source.get("name", ""))
        if key not in self._read:
            try:
                self._read[key] = await self._client.get(resource, key[1], self._pod["metadata"]["namespace"])
            except StatusError as error:
                if error.code == 404 and source.get("optional"):
                    return None
                raise NotReady(_missing(resource, key[1], error)) from None
        return self._read[key]

    def _downward(self, source: Object) -> Files:
        files: Files = {}
        for item in source.get("items") or ():
            path = (item.get("fieldRef") or {}).get("fieldPath")
            if path:
                files[item["path"]] = pod_field(self._pod, path).encode()
        return files

    async def environment(self, container: Object) -> None:
        """Check that what a container's environment refers to is there. Raises NotReady."""
        for source in container.get("envFrom") or ():
            for field, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
                if field in source:
                    await self._get(resource, source[field])
        for variable in container.get("env") or ():
            value_from = variable.get("valueFrom") or {}
            for field, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
                if field in value_from:
                    await self._key(resource, value_from[field])

    async def _key(self, resource: str, ref: Object) -> None:
        found = await self._get(resource, ref)
        if found is None or ref.get("optional"):
            return
        data = config_map_data(found) if resource == "configmaps" else found.get("data") or {}
        if ref["key"] not in data:
            kind = "ConfigMap" if resource == "configmaps" else "Secret"
            namespace = self._pod["metadata"]["namespace"]
            raise NotReady(f"couldn't find key {ref['key']} in {kind} {namespace}/{ref.get('name', '')}")


def config_map_data(config_map: Object) -> Files:
    files = {k: v.encode() for k, v in (config_map.get("data") or {}).items()}
    return files | {k: base64.b64decode(v) for k, v in (config_map.get("binaryData") or {}).items()}


def _chosen(data: Files, source: Object, what: str) -> Files:
    items: Iterable[Object] = source.get("items") or ()
    if not items:
        return data
    files: Files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = data[item["key"]]
        elif not source.get("optional"):
            raise NotReady(f"references non-existent {what} key: {item['key']}")
    return files


def _missing(resource: str, name: str, error: StatusError) -> str:
    if error.code != 404:
        return str(error)
    return f"{'configmap' if resource == 'configmaps' else 'secret'} {quote(name)} not found"


_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


def pod_field(pod: Object, path: str) -> str:
    """The text of a downward API field; maps have a line `key="value"` for each entry, sorted."""
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript:
        return str((pod["metadata"].get(subscript[1]) or {}).get(subscript[2], ""))
    if path == "status.podIPs":
        return ",".join(ip["ip"] for ip in (pod.get("status") or {}).get("podIPs") or ())
    value: object = pod
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return "\n".join(f"{k}={quote(v)}" for k, v in sorted(value.items()))
    return "" if value is None else str(value)
