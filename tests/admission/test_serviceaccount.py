from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.admission.serviceaccount import ServiceAccount
from sekisho.api.random import RandomSource
from sekisho.api.status import StatusError
from sekisho.api.types import Object, UserInfo

PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
MOUNT = {"name": "kube-api-access-x", "readOnly": True, "mountPath": PATH}


class World:
    """Accounts of a namespace; `late` ones appear after that many looks."""

    def __init__(self) -> None:
        self.accounts: dict[str, Object] = {}
        self.late: dict[str, int] = {}
        self.slept = 0.0

    def account(self, name: str, **more: Any) -> None:
        metadata = {"name": name, "annotations": more.pop("annotations", {})}
        self.accounts[name] = {"metadata": metadata, **more}

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        if self.late.get(name, 0) > 0:
            self.late[name] -= 1
            return None
        return self.accounts.get(name)

    def list(self, resource: str, namespace: str) -> Sequence[Object]:
        return []

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def request(
        self, pod: Object, operation: Operation = Operation.CREATE, subresource: str = ""
    ) -> AdmissionRequest:
        info: Any = SimpleNamespace(group="", resource="pods")
        return AdmissionRequest(
            operation,
            info,
            UserInfo("u"),
            self,
            None,
            pod,
            subresource=subresource,
            namespace="ns1",
            name="p1",  # type: ignore[arg-type]
        )

    def admit(self, spec: Object, **metadata: Any) -> Object:
        pod: Object = {"metadata": {"name": "p1", **metadata}, "spec": spec}
        asyncio.run(ServiceAccount(RandomSource(1), self).admit(self.request(pod)))
        return pod

    def refused(self, spec: Object, **metadata: Any) -> str:
        with pytest.raises(StatusError) as caught:
            self.admit(spec, **metadata)
        assert caught.value.code == 403
        return caught.value.message.removeprefix('pods "p1" is forbidden: ')


@pytest.fixture
def world() -> World:
    made = World()
    made.account("default")
    return made


def spec(**more: Any) -> Object:
    return {"containers": [{"name": "c", "image": "i", "resources": {}}], "restartPolicy": "Always", **more}


def test_the_default_account_and_its_volume(world: World) -> None:
    pod = world.admit(spec(initContainers=[{"name": "n"}]))
    name = pod["spec"]["volumes"][0]["name"]
    assert name.startswith("kube-api-access-")
    assert len(name) == len("kube-api-access-") + 5
    assert list(pod["spec"]) == [
        "volumes",
        "initContainers",
        "containers",
        "restartPolicy",
        "serviceAccountName",
        "serviceAccount",
    ]
    assert pod["spec"]["serviceAccount"] == pod["spec"]["serviceAccountName"] == "default"
    for key in ("initContainers", "containers"):
        assert pod["spec"][key][0]["volumeMounts"] == [MOUNT | {"name": name}]
    assert pod["spec"]["volumes"] == [
        {
            "name": name,
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {
                        "configMap": {
                            "name": "kube-root-ca.crt",
                            "items": [{"key": "ca.crt", "path": "ca.crt"}],
                        }
                    },
                    {
                        "downwardAPI": {
                            "items": [
                                {
                                    "path": "namespace",
                                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                                }
                            ]
                        }
                    },
                ],
                "defaultMode": 420,
            },
        }
    ]


@pytest.mark.parametrize(
    ("pod", "account", "mounted"),
    [
        (None, None, True),
        (False, None, False),
        (None, False, False),
        (True, False, True),
        (False, True, False),
    ],
)
def test_automount(world: World, pod: bool | None, account: bool | None, mounted: bool) -> None:
    world.account("default", automountServiceAccountToken=account)
    admitted = world.admit(spec(automountServiceAccountToken=pod))
    assert ("volumes" in admitted["spec"]) == mounted


def test_mounts_of_ones_own_are_kept(world: World) -> None:
    own = {"name": "v", "mountPath": PATH}
    both = {"containers": [{"name": "c", "volumeMounts": [own]}], "volumes": [{"name": "v"}]}
    assert world.admit(both)["spec"]["volumes"] == [{"name": "v"}]
    other = world.admit(
        {"containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": PATH + "/"}]}]}
    )
    assert len(other["spec"]["containers"][0]["volumeMounts"]) == 2
    reused = world.admit(spec(volumes=[{"name": "kube-api-access-mine"}]))
    assert reused["spec"]["volumes"] == [{"name": "kube-api-access-mine"}]
    assert reused["spec"]["containers"][0]["volumeMounts"][0]["name"] == "kube-api-access-mine"
    near = world.admit(spec(volumes=[{"name": "kube-api-access"}]))
    assert len(near["spec"]["volumes"]) == 2


def test_pull_secrets(world: World) -> None:
    world.account("default", imagePullSecrets=[{"name": "p1"}, {"name": "p2"}])
    assert world.admit(spec())["spec"]["imagePullSecrets"] == [{"name": "p1"}, {"name": "p2"}]
    assert world.admit(spec(imagePullSecrets=[{"name": "x"}]))["spec"]["imagePullSecrets"] == [{"name": "x"}]


def test_missing_accounts(world: World) -> None:
    assert world.refused(spec(serviceAccountName="nope")) == (
        'error looking up service account ns1/nope: serviceaccount "nope" not found'
    )
    assert world.slept == 0
    world.late["default"] = 3
    assert world.admit(spec())["spec"]["serviceAccountName"] == "default"
    assert 0 < world.slept < 0.1
    world.late["default"] = 100
    assert "default" in world.refused(spec())


def test_mirror_pods(world: World) -> None:
    mirror = {"annotations": {"kubernetes.io/config.mirror": "x"}}
    assert world.admit(spec(), **mirror)["spec"] == spec()
    assert (
        world.refused(spec(serviceAccountName="a"), **mirror)
        == "a mirror pod may not reference service accounts"
    )
    secret = spec(volumes=[{"name": "v", "secret": {"secretName": "s"}}])
    assert world.refused(secret, **mirror) == "a mirror pod may not reference secrets"
    token = spec(volumes=[{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}])
    assert world.refused(token, **mirror) == "a mirror pod may not use ServiceAccountToken volume projections"


@pytest.mark.parametrize("value", ["true", "1", "T"])
@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"volumes": [{"name": "v", "secret": {"secretName": "x"}}]},
            'volume with secret.secretName="x" is not allowed because service account default does not '
            "reference that secret",
        ),
        (
            {
                "initContainers": [
                    {"name": "n", "env": [{"name": "V", "valueFrom": {"secretKeyRef": {"name": "x"}}}]}
                ]
            },
            'init container n with envVar V referencing secret.secretName="x" is not allowed because service '
            "account default does not reference that secret",
        ),
        (
            {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "x"}}]}]},
            'container c with envFrom referencing secret.secretName="x" is not allowed because service account '
            "default does not reference that secret",
        ),
        (
            {"imagePullSecrets": [{"name": "x"}]},
            'imagePullSecrets[0].name="x" is not allowed because service account default does not reference '
            "that imagePullSecret",
        ),
    ],
)
def test_accounts_that_limit_secrets(world: World, value: str, more: Object, text: str) -> None:
    world.account("default", annotations={"kubernetes.io/enforce-mountable-secrets": value})
    assert world.refused(spec(**more)) == text
    world.account(
        "default",
        annotations={"kubernetes.io/enforce-mountable-secrets": value},
        secrets=[{"name": "x"}],
        imagePullSecrets=[{"name": "x"}],
    )
    world.admit(spec(**more))
    world.account("default", annotations={"kubernetes.io/enforce-mountable-secrets": "yes"})
    world.admit(spec(**more))


def test_ephemeral_containers(world: World) -> None:
    world.account("default", annotations={"kubernetes.io/enforce-mountable-secrets": "true"})
    pod = {
        "metadata": {"name": "p1"},
        "spec": spec(
            serviceAccountName="default",
            ephemeralContainers=[{"name": "e", "envFrom": [{"secretRef": {"name": "x"}}]}],
        ),
    }
    request = world.request(pod, Operation.UPDATE, "ephemeralcontainers")
    plugin = ServiceAccount(RandomSource(1), world)
    asyncio.run(plugin.admit(request))
    with pytest.raises(StatusError, match="ephemeral container e with envFrom"):
        asyncio.run(plugin.validate(request))
    for ignored in (world.request(pod, Operation.UPDATE), world.request(pod, Operation.UPDATE, "status")):
        asyncio.run(plugin.validate(ignored))
