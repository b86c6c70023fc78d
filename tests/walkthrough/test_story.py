"""The story that must always work, with stock kubectl and nothing else."""

from __future__ import annotations

import base64
import json
import re

import httpx
import jwt
import yaml

from sekisho.testing import Cluster

from .conftest import Kubectl

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def columns(output: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in output.splitlines() if line.strip()]


def test_the_context_is_a_client_certificate(kubectl: Kubectl) -> None:
    config = yaml.safe_load(kubectl("config", "view", "--raw", "--minify").stdout)
    user = config["users"][0]["user"]
    assert set(user) == {"client-certificate-data", "client-key-data"}


def test_a_new_namespace_has_its_account_and_credentials(kubectl: Kubectl, namespace: str, era: str) -> None:
    assert kubectl("create", "namespace", namespace).stdout == f"namespace/{namespace} created\n"
    kubectl(
        "wait",
        "--for=jsonpath={.metadata.name}=default",
        "serviceaccount/default",
        "-n",
        namespace,
        check=False,
    )
    accounts = columns(kubectl("get", "serviceaccount", "-n", namespace).stdout)
    if era == "manual":
        assert accounts[0] == ["NAME", "AGE"]
        assert accounts[1][0] == "default"
        assert "No resources found" in kubectl("get", "secret", "-n", namespace).stderr
        return
    assert accounts[0] == ["NAME", "SECRETS", "AGE"]
    assert accounts[1][:2] == ["default", "1"]
    secrets = columns(kubectl("get", "secret", "-n", namespace).stdout)
    assert secrets[0] == ["NAME", "TYPE", "DATA", "AGE"]
    assert re.fullmatch("default-token-[bcdfghjklmnpqrstvwxz2456789]{5}", secrets[1][0])
    assert secrets[1][1:3] == ["kubernetes.io/service-account-token", "3"]
    both = kubectl("get", "serviceaccount,secret", "-n", namespace).stdout
    assert "serviceaccount/default" in both
    assert "secret/default-token-" in both


def test_a_pod_gets_credentials_nobody_wrote(kubectl: Kubectl, namespace: str, cluster: Cluster) -> None:
    kubectl("create", "namespace", namespace)
    assert kubectl("run", "nginx", "--image=nginx", "-n", namespace).stdout == "pod/nginx created\n"
    pod = yaml.safe_load(kubectl("get", "pod", "nginx", "-o", "yaml", "-n", namespace).stdout)
    spec = pod["spec"]
    assert spec["serviceAccount"] == spec["serviceAccountName"] == "default"
    volume = spec["volumes"][0]
    assert volume["name"].startswith("kube-api-access-")
    assert [next(iter(s)) for s in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    mount = spec["containers"][0]["volumeMounts"][0]
    assert mount == {"name": volume["name"], "mountPath": MOUNT, "readOnly": True}
    kubectl("wait", "--for=condition=Ready", "pod/nginx", "-n", namespace, "--timeout=20s")
    wide = columns(kubectl("get", "pods", "-o", "wide", "-n", namespace).stdout)
    assert wide[0][:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert wide[1][1:3] == ["1/1", "Running"]
    described = kubectl("describe", "pod", "nginx", "-n", namespace).stdout
    assert "Successfully assigned" in described
    assert "Started container" in described or "Container started" in described


def test_the_account_may_do_what_rbac_grants_it(kubectl: Kubectl, namespace: str, cluster: Cluster) -> None:
    kubectl("create", "namespace", namespace)
    account = cluster.service_account(f"{namespace}/default")
    claims = jwt.decode(account.token, options={"verify_signature": False})
    assert claims["sub"] == f"system:serviceaccount:{namespace}:default"
    path = f"/api/v1/namespaces/{namespace}/pods"
    refused = account.client.get(path)
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        f'pods is forbidden: User "system:serviceaccount:{namespace}:default" cannot list resource "pods" '
        f'in API group "" in the namespace "{namespace}"'
    )
    kubectl("create", "role", "reader", "--verb=list", "--resource=pods", "-n", namespace)
    kubectl(
        "create",
        "rolebinding",
        "reads",
        "--role=reader",
        f"--serviceaccount={namespace}:default",
        "-n",
        namespace,
    )
    assert account.client.get(path).status_code == 200
    assert account.client.delete(path).status_code == 403


def test_a_second_user_through_a_signing_request(kubectl: Kubectl, namespace: str, cluster: Cluster) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    from sekisho.credentials.certificates import new_key, private_pem
    from sekisho.testing._identity import make

    user = f"alice-{namespace}"
    key = new_key()
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "dev"), x509.NameAttribute(NameOID.COMMON_NAME, user)]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    csr = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": user},
        "spec": {
            "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    }
    kubectl("create", "-f", "-", stdin=json.dumps(csr))
    kubectl("certificate", "approve", user)
    certificate = ""
    for _ in range(100):
        certificate = kubectl("get", "csr", user, "-o", "jsonpath={.status.certificate}").stdout
        if certificate:
            break
    identity = make(
        cluster.folder / user,
        "test",
        cluster.url,
        cluster.inner.pki.ca.certificate,
        name=user,
        certificate=base64.b64decode(certificate),
        key=private_pem(key),
    )
    denied = kubectl("get", "pods", "-n", "default", kubeconfig=identity.kubeconfig, check=False)
    assert denied.returncode == 1
    assert denied.stderr == (
        f'Error from server (Forbidden): pods is forbidden: User "{user}" cannot list resource "pods" in API group '
        '"" in the namespace "default"\n'
    )
    kubectl("create", "namespace", namespace)
    kubectl("create", "rolebinding", "view", "--clusterrole=view", "--group=dev", "-n", namespace)
    allowed = kubectl("get", "pods", "-n", namespace, kubeconfig=identity.kubeconfig)
    assert "No resources found" in allowed.stderr
    assert (
        kubectl("auth", "can-i", "list", "pods", "-n", namespace, kubeconfig=identity.kubeconfig).stdout
        == "yes\n"
    )
    no = kubectl(
        "auth", "can-i", "delete", "pods", "-n", namespace, kubeconfig=identity.kubeconfig, check=False
    )
    assert (no.stdout, no.returncode) == ("no\n", 1)


def logged_out(version: str) -> str:
    """kubectl's last line after a 401; the text in brackets depends on where it met the 401."""
    early = version in ("1.20", "1.24")
    why = "Unauthorized" if early else "the server has asked for the client to provide credentials"
    return f"error: You must be logged in to the server ({why})"


def test_bad_credentials_are_refused_in_kubectls_words(
    kubectl: Kubectl, cluster: Cluster, version: str
) -> None:
    unknown = kubectl("get", "pods", kubeconfig=cluster.with_token("nobody").kubeconfig, check=False)
    assert (unknown.returncode, unknown.stderr.splitlines()[-1]) == (1, logged_out(version))
    expired = cluster.user("late", lifetime=-60.0)
    late = kubectl("get", "pods", kubeconfig=expired.kubeconfig, check=False)
    assert (late.returncode, late.stderr.splitlines()[-1]) == (1, logged_out(version))


def test_without_credentials_kubectl_asks_for_some(kubectl: Kubectl, cluster: Cluster) -> None:
    anonymous = kubectl("get", "pods", kubeconfig=cluster.anonymous().kubeconfig, check=False, stdin="")
    assert anonymous.returncode == 1
    assert anonymous.stdout.startswith("Please enter Username:") or "Forbidden" in anonymous.stderr


def test_an_unknown_authority_is_noticed_by_the_client(kubectl: Kubectl, cluster: Cluster) -> None:
    other = Cluster()
    with other:
        ca = other.inner.pki.ca.certificate
    identity = cluster.with_token("x")
    config = yaml.safe_load(identity.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(ca).decode()
    identity.kubeconfig.write_text(yaml.safe_dump(config))
    done = kubectl("get", "pods", kubeconfig=identity.kubeconfig, check=False)
    assert "x509: certificate signed by unknown authority" in done.stderr


def test_anonymous_is_told_who_it_is(cluster: Cluster) -> None:
    response: httpx.Response = cluster.anonymous().client.get("/api/v1/namespaces")
    assert response.status_code == 403
    assert response.json()["message"] == (
        'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the '
        "cluster scope"
    )
