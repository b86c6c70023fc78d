"""Certificates through the API: approved by hand or by right, signed, refused, cleaned up."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from sekisho.credentials.certificates import new_key
from sekisho.testing import Cluster, VirtualClock

from .conftest import eventually

CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def signing_request(
    name: str, signer: str, usages: Sequence[str], organizations: Sequence[str] = ()
) -> dict[str, object]:
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(new_key(), hashes.SHA256())
    encoded = base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
    return {
        "metadata": {"generateName": "csr-"},
        "spec": {"request": encoded, "signerName": f"kubernetes.io/{signer}", "usages": list(usages)},
    }


def approve(api: httpx.Client, csr: dict[str, object]) -> str:
    path = f"{CSRS}/{csr['metadata']['name']}"  # type: ignore[index]
    csr["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "Test"}]}
    api.put(f"{path}/approval", json=csr).raise_for_status()
    return path


def test_an_approved_request_is_signed(api: httpx.Client) -> None:
    body = signing_request("eve", "kube-apiserver-client", ["client auth"], ["dev"])
    csr = api.post(CSRS, json=body).json()
    assert csr["spec"]["username"] == "kubernetes-admin"
    path = approve(api, csr)
    encoded = eventually(lambda: api.get(path).json()["status"].get("certificate"))
    certificate = x509.load_pem_x509_certificate(base64.b64decode(encoded))
    assert certificate.subject.rfc4514_string() == "CN=eve,O=dev"


def test_what_the_signer_refuses_is_failed(api: httpx.Client) -> None:
    body = signing_request("eve", "kube-apiserver-client", ["server auth"])
    path = approve(api, api.post(CSRS, json=body).json())

    def failed() -> dict[str, str] | None:
        conditions = api.get(path).json()["status"]["conditions"]
        return next((c for c in conditions if c["type"] == "Failed"), None)

    assert eventually(failed)["message"] == "invalid usage for client certificate: server auth"


def test_a_kubelet_with_the_right_is_approved_by_itself(api: httpx.Client, cluster: Cluster) -> None:
    bootstrapper = cluster.user("joiner", groups=["system:bootstrappers"])
    rules = (
        ("node-bootstrapper", "system:node-bootstrapper"),
        ("approve-nodes", "system:certificates.k8s.io:certificatesigningrequests:nodeclient"),
    )
    for name, role in rules:
        binding = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "Group", "name": "system:bootstrappers"}],
        }
        bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
        api.post(bindings, json=binding).raise_for_status()
    body = signing_request(
        "system:node:n1",
        "kube-apiserver-client-kubelet",
        ["digital signature", "client auth"],
        ["system:nodes"],
    )
    csr = bootstrapper.client.post(CSRS, json=body).raise_for_status().json()
    path = f"{CSRS}/{csr['metadata']['name']}"
    eventually(lambda: api.get(path).json()["status"].get("certificate"))
    assert api.get(path).json()["status"]["conditions"][0]["reason"] == "AutoApproved"


@pytest.fixture
def late() -> Iterator[tuple[Cluster, VirtualClock]]:
    clock = VirtualClock()
    with Cluster(clock=clock) as cluster:
        yield cluster, clock


def test_old_requests_are_cleaned_up(late: tuple[Cluster, VirtualClock]) -> None:
    cluster, clock = late
    api = cluster.user("kubernetes-admin", groups=["system:masters"], lifetime=10 * 86400).client
    body = signing_request("eve", "kube-apiserver-client", ["client auth"])
    path = f"{CSRS}/{api.post(CSRS, json=body).json()['metadata']['name']}"
    for _ in range(26):
        clock.advance(3600)
        api.get(path)
    eventually(lambda: api.get(path).status_code == 404)
