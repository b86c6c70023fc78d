from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sekisho.api.status import StatusError
from sekisho.credentials.keys import VerificationKey, key_id
from sekisho.server import oidc_discovery as discovery

ISSUER = "https://kubernetes.default.svc.cluster.local"
KEYS = [
    VerificationKey(key_id(key), key)
    for key in (
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        ec.generate_private_key(ec.SECP256R1()).public_key(),
    )
]
MADE = discovery.documents(ISSUER, KEYS, "192.0.2.1:6443")


def test_the_documents() -> None:
    document = MADE[discovery.DOCUMENT_PATH]
    assert document.body.decode() == (
        f'{{"issuer":"{ISSUER}","jwks_uri":"https://192.0.2.1:6443/openid/v1/jwks",'
        '"response_types_supported":["id_token"],"subject_types_supported":["public"],'
        '"id_token_signing_alg_values_supported":["ES256","RS256"]}'
    )
    assert document.headers() == [
        (b"content-type", b"application/json"),
        (b"cache-control", b"public, max-age=3600"),
    ]
    key_set = json.loads(MADE[discovery.JWKS_PATH].body)
    assert [k["kid"] for k in key_set["keys"]] == [k.kid for k in KEYS]
    assert MADE[discovery.JWKS_PATH].content_type == "application/jwk-set+json"
    assert discovery.find(MADE, "/openid/v1/jwks/") is MADE[discovery.JWKS_PATH]
    assert discovery.find(MADE, "/openid/v1") is None


def test_another_place_for_the_keys() -> None:
    made = discovery.documents(ISSUER, KEYS, "x:1", "https://keys.example/jwks")
    assert json.loads(made[discovery.DOCUMENT_PATH].body)["jwks_uri"] == "https://keys.example/jwks"
    assert discovery.jwks_uri_error("https://keys.example/jwks") == ""
    assert "requires https scheme, parsed as: http://x" in discovery.jwks_uri_error("http://x")


@pytest.mark.parametrize(
    "issuer", ["kubernetes", "http://x", "https://x/?a=b", "https://x/#f", "https://x/?"]
)
def test_issuers_without_documents(issuer: str) -> None:
    assert discovery.documents(issuer, KEYS, "x:1") == {}


@pytest.mark.parametrize(
    ("path", "accept", "good"),
    [
        (discovery.DOCUMENT_PATH, "application/json", True),
        (discovery.DOCUMENT_PATH, "", True),
        (discovery.DOCUMENT_PATH, "*/*", True),
        (discovery.DOCUMENT_PATH, "application/yaml", False),
        (discovery.DOCUMENT_PATH, "application/yaml;q=0.9, application/*;q=0.5", False),
        (discovery.JWKS_PATH, "application/json", False),
        (discovery.JWKS_PATH, "application/json, application/jwk-set+json", True),
    ],
)
def test_media_types(path: str, accept: str, good: bool) -> None:
    if good:
        assert discovery.answer(MADE[path], "GET", accept) is MADE[path]
        return
    with pytest.raises(StatusError) as caught:
        discovery.answer(MADE[path], "GET", accept)
    kind = MADE[path].content_type
    assert caught.value.to_object() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"406: Not Acceptable\n\nAvailable representations: {kind}",
        "reason": "NotAcceptable",
        "details": {},
        "code": 406,
    }


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_other_methods(method: str) -> None:
    with pytest.raises(StatusError) as caught:
        discovery.answer(MADE[discovery.DOCUMENT_PATH], method, "")
    assert caught.value.code == 405
