"""What volumes hold, and what the node says when something is missing."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from node.fakes import Server, VirtualClock, pod
from sekisho.api.types import Object
from sekisho.node.addresses import AddressPool
from sekisho.node.podstatus import image_id, image_name
from sekisho.node.registration import node_user
from sekisho.node.volumes import NotReady, PodFiles, pod_field


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def mounted(volume: Object, **spec: Any) -> dict[str, bytes]:
    async def main() -> dict[str, bytes]:
        server = Server(VirtualClock())
        meta = {"namespace": "default"}
        server.put(
            "secrets", {"metadata": {"name": "s", **meta}, "data": {"a": encoded("A"), "b": encoded("B")}}
        )
        server.put(
            "configmaps",
            {"metadata": {"name": "c", **meta}, "data": {"k": "v"}, "binaryData": {"raw": encoded("\x00")}},
        )
        obj = pod("web", nodeName="n", volumes=[volume], **spec)
        obj["metadata"] |= {"labels": {"b": "2", "a": '1"'}, "annotations": {"x/y": "z"}}
        held = server.put("pods", obj)
        files = PodFiles(server.client(node_user("n")), held)  # type: ignore[arg-type]
        return await files.volume(volume)

    return asyncio.run(main())


def test_secrets_and_config_maps() -> None:
    assert mounted({"secret": {"secretName": "s"}}) == {"a": b"A", "b": b"B"}
    assert mounted({"secret": {"secretName": "s", "items": [{"key": "b", "path": "x/y"}]}}) == {"x/y": b"B"}
    assert mounted({"configMap": {"name": "c"}}) == {"k": b"v", "raw": b"\x00"}
    assert mounted({"configMap": {"name": "none", "optional": True}}) == {}
    assert (
        mounted({"secret": {"secretName": "s", "optional": True, "items": [{"key": "z", "path": "z"}]}}) == {}
    )
    assert mounted({"emptyDir": {}}) == {}


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        (
            {"secret": {"secretName": "s", "items": [{"key": "z", "path": "z"}]}},
            "references non-existent secret key: z",
        ),
        (
            {"configMap": {"name": "c", "items": [{"key": "z", "path": "z"}]}},
            "references non-existent config key: z",
        ),
        (
            {"projected": {"sources": [{"secret": {"name": "q"}}, {"configMap": {"name": "r"}}]}},
            '[secret "q" not found, configmap "r" not found]',
        ),
    ],
)
def test_what_is_missing(volume: Object, text: str) -> None:
    with pytest.raises(NotReady) as caught:
        mounted(volume)
    assert str(caught.value) == text


def test_the_credential_volume() -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    assert mounted({"projected": {"sources": sources}}) == {
        "token": b"token-for-default",
        "ca.crt": b"CA",
        "namespace": b"default",
    }


def test_a_token_that_cannot_be_had() -> None:
    volume = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    with pytest.raises(NotReady, match=r'^failed to fetch token: serviceaccounts "gone" not found$'):
        mounted(volume, serviceAccountName="gone")


def test_fields() -> None:
    obj = {
        "metadata": {"name": "p", "labels": {"b": "2", "a": '1"'}, "annotations": {"x/y": "z"}},
        "status": {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}], "hostIP": "127.0.0.1"},
    }
    assert pod_field(obj, "metadata.name") == "p"
    assert pod_field(obj, "metadata.labels") == 'a="1\\""\nb="2"'
    assert pod_field(obj, "metadata.annotations['x/y']") == "z"
    assert pod_field(obj, "metadata.labels['none']") == ""
    assert pod_field(obj, "status.podIPs") == "10.0.0.1,fd00::1"
    assert pod_field(obj, "spec.nodeName") == ""


def test_addresses() -> None:
    pool = AddressPool("10.0.0.0/29")
    assert [pool.take() for _ in range(6)] == ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", ""]
    pool.give_back("10.0.0.4")
    pool.give_back("10.0.0.2")
    assert pool.take() == "10.0.0.2"
    pool.claim("10.0.0.4")
    assert pool.take() == ""
    assert AddressPool("fd00::/64").take() == "fd00::2"
    assert AddressPool("10.0.0.0/31").take() == ""


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("a/b:1", "docker.io/a/b:1"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("localhost/x", "localhost/x:latest"),
        ("host:5000/x", "host:5000/x:latest"),
        ("nginx@sha256:" + "0" * 64, "docker.io/library/nginx@sha256:" + "0" * 64),
    ],
)
def test_image_names(image: str, full: str) -> None:
    assert image_name(image) == full
    assert image_id(image).startswith(full.partition("@")[0].removesuffix(":latest").partition(":1")[0][:9])
    assert "@sha256:" in image_id(image)
