"""Which sort of credential a text is."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

from sekisho.credentials.kubeconfiguser import context_user
from sekisho.credentials.pki import ServingNames, create
from sekisho.credentials.recognition import (
    Certificates,
    Kubeconfig,
    Token,
    Unrecognised,
    recognise,
)

NOW = 1_780_000_000.0


@pytest.fixture(scope="module")
def pki():
    return create(ServingNames("10.96.0.1", "127.0.0.1"), NOW)


def encoded(data):
    return base64.b64encode(data).decode()


def test_tokens():
    assert recognise(b" abc.def.ghi\n") == Token("abc.def.ghi")
    assert "abc" not in repr(recognise(b"abc.def.ghi"))


def test_certificates(pki):
    found = recognise(b"some words\n" + pki.apiserver.certificate)
    assert isinstance(found, Certificates)
    assert not found.with_key
    assert recognise(pki.apiserver.certificate + pki.apiserver.key).with_key
    assert recognise(found.chain[0]) == Certificates(found.chain)


def test_objects(pki):
    pem = pki.apiserver.certificate
    chain = recognise(pem).chain
    for value, expected in (
        ({"kind": "Secret", "data": {"token": encoded(b"a.b.c")}}, Token("a.b.c")),
        ({"kind": "Secret", "data": {"tls.crt": encoded(pem), "tls.key": "x"}}, Certificates(chain)),
        (
            {"kind": "Secret", "data": {"token-id": encoded(b"abcdef"), "token-secret": encoded(b"s" * 16)}},
            Token("abcdef." + "s" * 16),
        ),
        ({"kind": "TokenRequest", "status": {"token": "x.y.z"}}, Token("x.y.z")),
        ({"kind": "ExecCredential", "status": {"clientCertificateData": pem.decode()}}, Certificates(chain)),
        ({"kind": "CertificateSigningRequest", "status": {"certificate": encoded(pem)}}, Certificates(chain)),
    ):
        assert recognise(json.dumps(value).encode()) == expected
        assert recognise(yaml.safe_dump(value).encode()) == expected
    assert isinstance(recognise(b"kind: Config\nclusters: []"), Kubeconfig)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "there is nothing in it"),
        (b"x" * 1024 * 1025, "too large"),
        (b"two words", "neither a token"),
        (b"\xff\xfe", "neither text"),
        (b"kind: Pod", "an object of kind Pod holds no credential"),
        (b"kind: Secret", "holds neither"),
        (b"kind: Secret\ndata: {token: '%%'}", "should be base64"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "a private key alone"),
        (b"-----BEGIN X-----\nAAAA\n-----END X-----", "no certificate in it, but X"),
        (b"-----BEGIN CERTIFICATE-----\n!\n", "damaged"),
    ],
)
def test_what_is_none(data, text):
    with pytest.raises(Unrecognised, match=text):
        recognise(data)


def config(user, **cluster):
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://s", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def test_users_of_kubeconfigs(pki, tmp_path):
    (tmp_path / "crt").write_bytes(pki.apiserver.certificate)
    (tmp_path / "token").write_text("from.a.file\n")
    user = {"client-certificate": "crt", "client-key": "key", "tokenFile": "token", "token": "other"}
    found = context_user(config(user, **{"certificate-authority-data": encoded(b"ca")}), tmp_path)
    assert (found.context, found.server, found.user, found.ca) == ("c", "https://s", "u", b"ca")
    assert found.certificate.with_key
    assert found.token == Token("from.a.file")
    assert found.notes == []


def test_notes_about_users(tmp_path):
    user = {
        "client-certificate-data": encoded(b"nonsense"),
        "tokenFile": "none",
        "exec": {"command": "get-token"},
        "username": "a",
        "as": "root",
    }
    found = context_user(config(user), tmp_path)
    assert found.certificate is None
    assert found.token is None
    text = " ".join(found.notes)
    for words in ("no key beside it", "cannot be read", "plugin get-token", "password", "go on as root"):
        assert words in text
    with pytest.raises(Unrecognised, match='no context "x"'):
        context_user(config({}), tmp_path, "x")
    with pytest.raises(Unrecognised, match="no current context"):
        context_user({}, tmp_path)
