"""Pods run as a ServiceAccount, and find its token in a volume (plugin/pkg/admission/serviceaccount)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.clock import Clock, SystemClock
from sekisho.api.random import RandomSource
from sekisho.api.types import Object
from sekisho.schema import podrefs
from sekisho.schema.builtin import builtin_types

DEFAULT = "default"
MIRROR = "kubernetes.io/config.mirror"
ENFORCE_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607
ROOT_CA = "kube-root-ca.crt"
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_WAITS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.2, 0.2, 0.2, 0.2)
"""Seconds between looks for a new namespace's default account, which its controller is about to make."""


class ServiceAccount(Plugin):
    """Chooses the account, adds its token volume and pull secrets, and holds Pods to the Secrets it lists."""

    name = "ServiceAccount"
    may_change = frozenset(("pods",))

    def __init__(self, random: RandomSource | None = None, clock: Clock | None = None) -> None:
        self._random = random or RandomSource()
        self._clock = clock or SystemClock()

    async def admit(self, request: AdmissionRequest) -> None:
        pod = _pod(request)
        if pod is None or request.operation is not Operation.CREATE:
            return
        if not _is_mirror(pod):
            spec = pod.setdefault("spec", {})
            if not spec.get("serviceAccountName"):
                spec["serviceAccountName"] = DEFAULT
            spec["serviceAccount"] = spec["serviceAccountName"]
            account = await self._account(request, spec["serviceAccountName"])
            if _automount(spec, account):
                _mount_token(spec, self._random)
            secrets = account.get("imagePullSecrets") or ()
            if not spec.get("imagePullSecrets") and secrets:
                spec["imagePullSecrets"] = [{"name": s.get("name", "")} for s in secrets]
            pod["spec"] = _ordered(spec, "PodSpec")
        await self.validate(request)

    async def validate(self, request: AdmissionRequest) -> None:
        pod = _pod(request)
        if pod is None:
            return
        if request.operation is Operation.UPDATE and request.subresource:
            await self._validate_ephemeral(request, pod)
        elif request.operation is Operation.CREATE and not request.subresource:
            await self._validate_create(request, pod)

    async def _validate_create(self, request: AdmissionRequest, pod: Object) -> None:
        if _is_mirror(pod):
            problem = _mirror_problem(pod.get("spec") or {})
        else:
            account = await self._required_account(request, pod)
            problem = _secrets_problem(pod["spec"], account) if _enforces(account) else ""
        if problem:
            raise request.forbidden(problem)

    async def _validate_ephemeral(self, request: AdmissionRequest, pod: Object) -> None:
        account = await self._required_account(request, pod)
        if not _enforces(account):
            return
        containers = pod["spec"].get("ephemeralContainers") or ()
        problem = _containers_problem("ephemeral container", containers, account)
        if problem:
            raise request.forbidden(problem)

    async def _required_account(self, request: AdmissionRequest, pod: Object) -> Object:
        name = (pod.get("spec") or {}).get("serviceAccountName")
        if not name:
            where = f"{request.namespace}/{pod['metadata'].get('name', '')}"
            raise request.forbidden(f"no service account specified for pod {where}")
        return await self._account(request, name)

    async def _account(self, request: AdmissionRequest, name: str) -> Object:
        found = request.lookup.get("serviceaccounts", request.namespace, name)
        for seconds in _WAITS if name == DEFAULT else ():
            if found is not None:
                break
            await self._clock.sleep(seconds)
            found = request.lookup.get("serviceaccounts", request.namespace, name)
        if found is None:
            where = f"{request.namespace}/{name}"
            text = f'error looking up service account {where}: serviceaccount "{name}" not found'
            raise request.forbidden(text)
        return found


def _pod(request: AdmissionRequest) -> Object | None:
    """The Pod of a request this plugin looks at."""
    if request.info.resource != "pods" or request.info.group:
        return None
    return request.object if request.subresource in ("", "ephemeralcontainers") else None


def _is_mirror(pod: Object) -> bool:
    return MIRROR in (pod["metadata"].get("annotations") or {})


def _mirror_problem(spec: Object) -> str:
    if spec.get("serviceAccountName"):
        return "a mirror pod may not reference service accounts"
    if any(True for _ in podrefs.pod_secrets(spec)):
        return "a mirror pod may not reference secrets"
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                return "a mirror pod may not use ServiceAccountToken volume projections"
    return ""


def _enforces(account: Object) -> bool:
    return (account["metadata"].get("annotations") or {}).get(ENFORCE_MOUNTABLE) in _TRUE


def _automount(spec: Object, account: Object) -> bool:
    """The Pod's word counts before the account's; silence means yes."""
    for where in (spec, account):
        if where.get("automountServiceAccountToken") is not None:
            return bool(where["automountServiceAccountToken"])
    return True


def _mount_token(spec: Object, random: RandomSource) -> None:
    """Mount the token where no container has put something else; the volume comes only if it is mounted."""
    volumes = spec.get("volumes") or []
    existing = next((v["name"] for v in volumes if v.get("name", "").startswith(VOLUME_PREFIX)), None)
    name = existing or VOLUME_PREFIX + random.suffix(5)
    mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
    mounted = False
    for key in ("initContainers", "containers"):
        if not spec.get(key):
            continue
        containers = []
        for container in spec[key]:
            mounts = container.get("volumeMounts") or []
            if all(m.get("mountPath") != MOUNT_PATH for m in mounts):
                container = _ordered({**container, "volumeMounts": [*mounts, dict(mount)]}, "Container")
                mounted = True
            containers.append(container)
        spec[key] = containers
    if mounted and existing is None:
        spec["volumes"] = [*volumes, token_volume(name)]


def token_volume(name: str) -> Object:
    """Token, CA bundle and namespace, where clients in the cluster look for them."""
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def _ordered(obj: Object, struct: str) -> Object:
    """The object with its keys in the order of a core struct, which added keys would break."""
    fields = builtin_types().definition(f"io.k8s.api.core.v1.{struct}").fields
    return {key: obj[key] for key in fields if key in obj}


def _listed(account: Object, key: str) -> Collection[str]:
    return {ref.get("name", "") for ref in account.get(key) or ()}


def _secrets_problem(spec: Object, account: Object) -> str:
    """The first Secret of a Pod that its account does not list: volumes, containers, pull secrets."""
    known, name = _listed(account, "secrets"), account["metadata"]["name"]
    for volume in spec.get("volumes") or ():
        secret = volume.get("secret")
        if secret is not None and secret.get("secretName", "") not in known:
            return f'volume with secret.secretName="{secret.get("secretName", "")}" {_not_listed(name)}'
    for word, key in (("init container", "initContainers"), ("container", "containers")):
        if problem := _containers_problem(word, spec.get(key) or (), account):
            return problem
    pullable = _listed(account, "imagePullSecrets")
    for i, ref in enumerate(spec.get("imagePullSecrets") or ()):
        if ref.get("name", "") not in pullable:
            tail = f"is not allowed because service account {name} does not reference that imagePullSecret"
            return f'imagePullSecrets[{i}].name="{ref.get("name", "")}" {tail}'
    return ""


def _not_listed(account: str) -> str:
    return f"is not allowed because service account {account} does not reference that secret"


def _containers_problem(word: str, containers: Iterable[Object], account: Object) -> str:
    known, name = _listed(account, "secrets"), account["metadata"]["name"]
    for container in containers:
        where = f"{word} {container.get('name', '')} with"
        for variable in container.get("env") or ():
            ref = (variable.get("valueFrom") or {}).get("secretKeyRef")
            if ref is not None and ref.get("name", "") not in known:
                referred = (
                    f'envVar {variable.get("name", "")} referencing secret.secretName="{ref.get("name", "")}"'
                )
                return f"{where} {referred} {_not_listed(name)}"
        for source in container.get("envFrom") or ():
            ref = source.get("secretRef")
            if ref is not None and ref.get("name", "") not in known:
                referred = f'envFrom referencing secret.secretName="{ref.get("name", "")}"'
                return f"{where} {referred} {_not_listed(name)}"
    return ""
