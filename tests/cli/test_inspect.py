"""`sekisho inspect`: against a cluster that runs, against what one has left, and without any."""

from __future__ import annotations

import base64
import json

import pytest

from cli.running import run, running

TOKENS = "abcdef.0123456789abcdef"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cluster(home, tmp_path_factory):
    tokens = tmp_path_factory.mktemp("tokens") / "tokens.csv"
    tokens.write_text('static-token-of-carol,carol,1,"ops,dev"\n')
    settings = home / "default" / "settings.json"
    settings.parent.mkdir(parents=True)
    flags = [f"--token-auth-file={tokens}", "--enable-bootstrap-token-auth"]
    settings.write_text(json.dumps({"flags": flags}))
    with running(home, token_auth_file=tokens, enable_bootstrap_token_auth=True) as cluster:
        yield cluster


def inspected(home, given, *more, stdin=None):
    told = run(home, "inspect", given, "-o", "json", *more, stdin=stdin)
    assert told.stdout, told.stderr
    found = json.loads(told.stdout)
    return told.exit_code, found


def outcomes(found):
    return {check["check"]: check["outcome"] for check in found["checks"]}


def texts(found):
    return {check["check"]: check["text"] for check in found["checks"]}


def write(tmp_path, text):
    path = tmp_path / "given"
    path.write_text(text)
    return str(path)


def test_a_token(cluster, home, tmp_path):
    account = cluster.service_account("default/robot")
    code, found = inspected(home, write(tmp_path, account.token))
    assert code == 0
    assert found["credential"] == "ServiceAccount token"
    assert found["user"]["username"] == "system:serviceaccount:default:robot"
    assert found["user"]["groups"][-1] == "system:authenticated"
    assert outcomes(found) == dict.fromkeys(
        (
            "form",
            "issuer",
            "key",
            "signature",
            "audience",
            "not before",
            "expiry",
            "issue time",
            "account",
            "revocation",
        ),
        "pass",
    )
    told = run(home, "inspect", account.token)
    assert "It proves to be system:serviceaccount:default:robot" in told.output
    assert "The cluster would accept it." in told.output
    assert account.token.rpartition(".")[2] not in told.output


def test_everything_that_is_wrong_with_a_token_shows(cluster, home, tmp_path):
    account = cluster.service_account("default/brief")
    admin = cluster.admin().client
    header, claims, signature = account.token.split(".")
    payload = json.loads(base64.urlsafe_b64decode(claims + "=="))
    payload |= {"exp": payload["iat"] - 180, "aud": ["others"]}
    forged = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    admin.delete("/api/v1/namespaces/default/serviceaccounts/brief")
    code, found = inspected(home, write(tmp_path, f"{header}.{forged}.{signature}"))
    assert code == 3
    failing = {name: text for name, text in texts(found).items() if outcomes(found)[name] == "fail"}
    assert failing["signature"].startswith("the signature does not match")
    assert failing["audience"].startswith("audience others is not https://kubernetes")
    assert failing["expiry"].startswith("expired 3 minutes ago") or failing["expiry"].startswith("expired 4")
    assert failing["account"] == "its ServiceAccount is gone"
    told = run(home, "inspect", "-", stdin=f"{header}.{forged}.{signature}")
    assert "The cluster would refuse it: the signature does not match" in told.output
    assert told.exit_code == 3


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_algorithms_that_are_no_signature(cluster, home, tmp_path, alg):
    _, claims, signature = cluster.service_account("default/robot").token.split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).decode().rstrip("=")
    code, found = inspected(home, write(tmp_path, f"{header}.{claims}.{signature}"))
    assert code == 3
    assert outcomes(found)["signature"] == "fail"
    assert alg in texts(found)["form"]


def test_an_unknown_key(cluster, home, tmp_path):
    _, claims, signature = cluster.service_account("default/robot").token.split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"ES256","kid":"other"}').decode().rstrip("=")
    code, found = inspected(home, write(tmp_path, f"{header}.{claims}.{signature}"))
    assert code == 3
    assert texts(found)["key"] == "signed by an unknown key id (other)"


def test_bound_tokens(cluster, home, tmp_path):
    admin = cluster.admin().client
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    uid = admin.post("/api/v1/namespaces/default/pods", json=pod).json()["metadata"]["uid"]
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": uid}
    answer = admin.post(
        "/api/v1/namespaces/default/serviceaccounts/default/token", json={"spec": {"boundObjectRef": bound}}
    )
    code, found = inspected(home, "-", stdin=json.dumps({"kind": "TokenRequest", **answer.json()}))
    assert code == 0
    assert found["facts"]["bound to pod"] == "p"
    assert outcomes(found)["pod"] == "pass"
    admin.request("DELETE", "/api/v1/namespaces/default/pods/p", json={"gracePeriodSeconds": 0})
    code, found = inspected(home, write(tmp_path, answer.json()["status"]["token"]))
    assert code == 3
    assert texts(found)["pod"] == "the bound pod p is gone"


def test_tokens_of_secrets(cluster, home, tmp_path):
    admin = cluster.admin().client
    secrets = admin.get("/api/v1/namespaces/default/secrets").json()["items"]
    secret = next(s for s in secrets if s["type"] == "kubernetes.io/service-account-token")
    code, found = inspected(home, "-", stdin=json.dumps({"kind": "Secret", **secret}))
    assert code == 0
    assert found["credential"] == "ServiceAccount token of a Secret"
    assert outcomes(found)["mark"] == "pass"
    path = f"/api/v1/namespaces/default/secrets/{secret['metadata']['name']}"
    admin.patch(
        path,
        json={"metadata": {"labels": {"kubernetes.io/legacy-token-invalid-since": "2026-01-01"}}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    code, found = inspected(home, "-", stdin=json.dumps({"kind": "Secret", **secret}))
    assert (code, outcomes(found)["mark"]) == (3, "fail")


def test_static_bootstrap_and_strange_tokens(cluster, home, tmp_path):
    code, found = inspected(home, write(tmp_path, "static-token-of-carol"))
    assert code == 0
    assert found["user"] == {
        "username": "carol",
        "uid": "1",
        "groups": ["ops", "dev", "system:authenticated"],
    }
    code, found = inspected(home, TOKENS)
    assert code == 3
    assert texts(found)["secret"] == "there is no bootstrap token abcdef"
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
    }
    body = {
        "metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": data,
    }
    assert cluster.admin().client.post("/api/v1/namespaces/kube-system/secrets", json=body).status_code == 201
    code, found = inspected(home, TOKENS)
    assert code == 0
    assert found["user"]["username"] == "system:bootstrap:abcdef"
    assert "0123456789abcdef" not in json.dumps(found)
    code, found = inspected(home, write(tmp_path, "some-opaque-token"))
    assert code == 3
    assert texts(found)["cluster"].startswith("refuses it")


def test_certificates(cluster, home):
    ann = cluster.user("ann", groups=["dev"])
    code, found = inspected(home, str(ann.certificate))
    assert code == 0
    assert found["user"]["username"] == "ann"
    assert found["facts"]["usages"] == "client auth"
    assert outcomes(found) == dict.fromkeys(
        ("form", "time", "authority", "usage", "name", "revocation"), "pass"
    )
    run(home, "revoke", "certificate", found["facts"]["serial"])
    code, found = inspected(home, str(ann.certificate))
    assert code == 3
    assert texts(found)["revocation"].startswith("revoked by Revocation")
    told = run(home, "inspect", str(ann.key))
    assert told.exit_code == 1
    assert "a private key alone" in told.stderr


def test_certificates_that_are_no_good(cluster, home, tmp_path):
    pki = cluster.inner.pki
    serving = tmp_path / "serving.crt"
    serving.write_bytes(pki.apiserver.certificate)
    code, found = inspected(home, str(serving))
    assert code == 3
    assert texts(found)["usage"] == "not for clients, but for: server auth"
    proxy = tmp_path / "proxy.crt"
    proxy.write_bytes(pki.front_proxy_ca.certificate)
    code, found = inspected(home, str(proxy))
    assert code == 3
    assert "unknown authority" in texts(found)["authority"]
    brief = cluster.user("brief", lifetime=-60.0)
    code, found = inspected(home, str(brief.certificate))
    assert code == 3
    assert texts(found)["time"].startswith("expired 1 minute ago")
    assert outcomes(found)["authority"] == "pass"


def test_kubeconfigs(cluster, home, tmp_path):
    code, found = inspected(home, str(cluster.user("kim").kubeconfig))
    assert code == 0
    assert found["user"]["username"] == "kim"
    assert found["facts"]["server"] == cluster.url
    assert "private key beside it" in found["notes"][0]
    code, found = inspected(home, str(cluster.service_account("default/robot").kubeconfig))
    assert found["credential"] == "ServiceAccount token"
    told = run(home, "inspect", str(cluster.anonymous().kubeconfig))
    assert told.exit_code == 1
    assert "holds no credential" in told.stderr
    told = run(home, "inspect", str(cluster.user("kim").kubeconfig), "--context", "none")
    assert 'no context "none"' in told.stderr


def test_what_is_no_credential(home):
    assert "neither a token" in run(home, "inspect", "-", stdin="a b").stderr
    assert "no such file" in run(home, "inspect", "no-such-file.crt").stderr


def test_of_a_cluster_that_does_not_run(tmp_path):
    home = tmp_path / "home"
    data = home / "default" / "data"
    given = tmp_path / "token"
    crt = tmp_path / "crt"
    data.mkdir(parents=True)
    with running(home, data_dir=data, store="sqlite") as cluster:
        account = cluster.service_account("default/robot")
        given.write_text(account.token)
        gone = cluster.service_account("default/gone")
        (tmp_path / "gone").write_text(gone.token)
        cluster.admin().client.delete("/api/v1/namespaces/default/serviceaccounts/gone")
        crt.write_bytes(cluster.user("rex").certificate.read_bytes())
        run(home, "revoke", "user", "rex")
    code, found = inspected(home, str(given))
    assert code == 0, found
    assert outcomes(found)["account"] == "pass"
    code, found = inspected(home, str(tmp_path / "gone"))
    assert texts(found)["account"] == "its ServiceAccount is gone"
    code, found = inspected(home, str(crt))
    assert code == 3
    assert outcomes(found)["revocation"] == "fail"
    (data / "sekisho.db").unlink()
    code, found = inspected(home, str(given))
    assert code == 4
    assert outcomes(found)["signature"] == "pass"
    assert outcomes(found)["account"] == "unknown"


def test_without_any_cluster(cluster, tmp_path):
    account = cluster.service_account("default/robot")
    code, found = inspected(tmp_path, write(tmp_path, account.token))
    assert code == 4
    assert found["facts"]["subject"] == "system:serviceaccount:default:robot"
    assert outcomes(found)["expiry"] == "pass"
    assert outcomes(found)["signature"] == "unknown"
    code, found = inspected(tmp_path, str(cluster.user("ann").certificate))
    assert code == 4
    assert outcomes(found)["authority"] == "unknown"
    told = run(tmp_path, "inspect", TOKENS)
    assert "cannot be told" in told.output or told.exit_code == 3
