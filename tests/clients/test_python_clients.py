"""Python's client libraries list, create, watch and delete, as a user and as a service account."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sekisho.testing import Identity

from .conftest import NAMESPACE


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}}


def test_kubernetes(identity: Identity) -> None:
    import kubernetes

    api = kubernetes.client.CoreV1Api(
        kubernetes.config.new_client_from_config(config_file=str(identity.kubeconfig))
    )
    version = api.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    api.create_namespaced_config_map(NAMESPACE, config_map("official"))
    watch = kubernetes.watch.Watch()
    stream = watch.stream(
        api.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=10
    )
    for event in stream:
        if event["object"].metadata.name == "official":
            assert event["type"] == "ADDED"
            break
    watch.stop()
    api.delete_namespaced_config_map("official", NAMESPACE)
    names = [m.metadata.name for m in api.list_namespaced_config_map(NAMESPACE).items]
    assert "official" not in names
    api.api_client.close()


def test_kubernetes_asyncio(identity: Identity) -> None:
    from kubernetes_asyncio import client, config, watch

    async def drive() -> None:
        configuration = client.Configuration()
        await config.load_kube_config(
            config_file=str(identity.kubeconfig), client_configuration=configuration
        )
        async with client.ApiClient(configuration) as connection:
            api = client.CoreV1Api(connection)
            version = (await api.list_namespaced_config_map(NAMESPACE)).metadata.resource_version
            await api.create_namespaced_config_map(NAMESPACE, config_map("async"))
            async with watch.Watch() as events:
                stream = events.stream(
                    api.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=10
                )
                async for event in stream:
                    if event["object"].metadata.name == "async":
                        assert event["type"] == "ADDED"
                        break
            await api.delete_namespaced_config_map("async", NAMESPACE)
            names = [m.metadata.name for m in (await api.list_namespaced_config_map(NAMESPACE)).items]
            assert "async" not in names

    asyncio.run(drive())


# lightkube leaves the connection of a watch that is broken off to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_lightkube(identity: Identity) -> None:
    from lightkube import Client, KubeConfig
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ConfigMap

    client = Client(config=KubeConfig.from_file(str(identity.kubeconfig)), namespace=NAMESPACE)
    client.create(ConfigMap(metadata=ObjectMeta(name="light"), data={"k": "v"}))
    for change, found in client.watch(ConfigMap, fields={"metadata.name": "light"}, server_timeout=10):
        assert (change, found.metadata and found.metadata.name) == ("ADDED", "light")
        break
    client.delete(ConfigMap, "light")
    assert "light" not in [m.metadata.name for m in client.list(ConfigMap) if m.metadata]


def test_kr8s(identity: Identity) -> None:
    script = Path(__file__).with_name("kr8s_example.py")
    done = subprocess.run(
        [sys.executable, script, identity.kubeconfig, NAMESPACE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "ADDED krates\n['krates']\nFalse\n", done.stderr
