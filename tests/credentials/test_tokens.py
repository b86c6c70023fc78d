from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from sekisho.credentials import jws, keys, tokens
from sekisho.credentials.certificates import new_key, private_pem

ISSUER = "https://kubernetes.default.svc.cluster.local"
RSA_KEY = rsa.generate_private_key(65537, 2048)
SIGNERS = [
    keys.SigningKey(RSA_KEY),
    keys.SigningKey(ec.generate_private_key(ec.SECP256R1())),
    keys.SigningKey(ec.generate_private_key(ec.SECP384R1())),
    keys.SigningKey(ec.generate_private_key(ec.SECP521R1())),
]
NOW = 1_800_000_000


def claims(**changes: object) -> tokens.BoundClaims:
    base: dict[str, object] = {
        "issuer": ISSUER,
        "namespace": "ns1",
        "account": tokens.Ref("s2", "uid-2"),
        "audiences": (ISSUER,),
        "issued_at": NOW,
        "expires": NOW + 3600,
        "token_id": "jti-1",
    }
    return tokens.BoundClaims(**(base | changes))  # type: ignore[arg-type]


def verify(token: str, known: keys.KeyRing) -> tokens.Verified:
    unverified = tokens.read(token)
    if unverified is None:
        raise tokens.NotMine
    return tokens.verify_signature(unverified, known)


def ring(*signers: keys.SigningKey) -> keys.KeyRing:
    return keys.KeyRing(keys.VerificationKey(s.kid, s.key.public_key()) for s in signers)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda s: s.alg)
def test_what_is_signed_verifies_here_and_elsewhere(signer: keys.SigningKey) -> None:
    token = tokens.sign_bound(signer, claims())
    verified = verify(token, ring(signer))
    assert verified.audiences == (ISSUER,)
    assert jwt.get_unverified_header(token) == {"alg": signer.alg, "kid": signer.kid}
    other = jwt.decode(
        token,
        signer.key.public_key(),
        algorithms=[signer.alg],
        audience=ISSUER,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert other == verified.claims


def test_claims_are_sorted_and_compact() -> None:
    payload = claims(pod=tokens.Ref("p1", "u1"), node=tokens.Ref("n"), warn_after=NOW + 3607).payload()
    assert payload == json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":")).encode()
    private = json.loads(payload)["kubernetes.io"]
    assert private["node"] == {"name": "n"}
    assert private["pod"] == {"name": "p1", "uid": "u1"}
    assert private["warnafter"] == NOW + 3607
    assert "secret" not in private


def test_legacy_claims() -> None:
    token = tokens.sign_legacy(SIGNERS[1], "ns1", "leg", tokens.Ref("s2", "u"))
    verified = verify(token, ring(SIGNERS[1]))
    assert verified.audiences == ()
    assert verified.claims == {
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "ns1",
        "kubernetes.io/serviceaccount/secret.name": "leg",
        "kubernetes.io/serviceaccount/service-account.name": "s2",
        "kubernetes.io/serviceaccount/service-account.uid": "u",
        "sub": "system:serviceaccount:ns1:s2",
    }


def test_key_id_is_the_hash_of_the_public_key() -> None:
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    found = keys.public_keys(pem + private_pem(RSA_KEY) + private_pem(new_key()))
    assert [k.kid for k in found][:2] == [SIGNERS[0].kid] * 2
    assert len(keys.KeyRing(found).all()) == 2
    with pytest.raises(keys.UnusableKey, match="data does not contain any valid RSA or ECDSA public keys"):
        keys.public_keys(b"nothing")


def test_jwks_members() -> None:
    rsa_jwk = keys.VerificationKey(SIGNERS[0].kid, SIGNERS[0].key.public_key()).jwk()
    assert list(rsa_jwk) == ["use", "kty", "kid", "alg", "n", "e"]
    assert rsa_jwk["e"] == "AQAB"
    ec_jwk = keys.VerificationKey(SIGNERS[1].kid, SIGNERS[1].key.public_key()).jwk()
    assert list(ec_jwk) == ["use", "kty", "kid", "crv", "alg", "x", "y"]
    token = tokens.sign_bound(SIGNERS[1], claims())
    assert jwt.decode(
        token,
        jwt.PyJWK(ec_jwk).key,
        ["ES256"],
        audience=ISSUER,
        options={"verify_iat": False, "verify_nbf": False},
    )


def test_other_curves_are_refused() -> None:
    with pytest.raises(keys.UnusableKey, match="unknown private key curve, must be 256, 384, or 521"):
        keys.SigningKey(ec.generate_private_key(ec.SECP224R1()))


@pytest.mark.parametrize(
    ("changes", "now", "text"),
    [
        ({}, NOW, None),
        ({}, NOW - 60, None),
        ({}, NOW - 61, "service account token is not valid yet"),
        ({}, NOW + 3660, None),
        ({}, NOW + 3661, "service account token has expired"),
    ],
)
def test_times_have_a_minute_of_leeway(changes: dict[str, object], now: float, text: str | None) -> None:
    error = tokens.time_error(json.loads(claims(**changes).payload()), now)
    assert (error.reasons[0] if error else None) == text


def test_missing_times_are_not_checked_and_iat_is() -> None:
    assert tokens.time_error({}, NOW) is None
    late = tokens.time_error({"iat": NOW + 61}, NOW)
    assert late is not None
    assert late.reasons == ("service account token is issued in the future",)


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.c.d", " {", "{}", "a.b.c", "..", "e30.e30.e30", "é.e30.e30"]
)
def test_what_is_no_token_of_ours_is_left_to_others(text: str) -> None:
    with pytest.raises(tokens.NotMine):
        verify(text, ring(SIGNERS[0]))


@given(st.text(max_size=80))
def test_any_text_is_refused_in_order(text: str) -> None:
    with pytest.raises((tokens.NotMine, tokens.Invalid)):
        verify(text, ring(SIGNERS[0]))


@given(st.binary(max_size=64))
def test_base64url_round_trip(data: bytes) -> None:
    assert jws.decode_base64url(jws.encode_base64url(data)) == data


@pytest.mark.parametrize("text", ["YQ==", "Y", "a+b_", "a/b_", "Y Q", "é"])
def test_base64url_is_strict(text: str) -> None:
    with pytest.raises(jws.Malformed):
        jws.decode_base64url(text)


@pytest.mark.parametrize(
    ("user", "parts"),
    [
        ("system:serviceaccount:ns1:s2", ("ns1", "s2")),
        ("system:serviceaccount:ns1:a.b", ("ns1", "a.b")),
        ("system:serviceaccount:ns1", None),
        ("system:serviceaccount:ns1:", None),
        ("system:serviceaccount::a", None),
        ("system:serviceaccount:NS:a", None),
        ("system:serviceaccount:n.s:a", None),
        ("system:serviceaccount:ns1:a:b", None),
        ("alice", None),
    ],
)
def test_splitting_user_names(user: str, parts: tuple[str, str] | None) -> None:
    assert tokens.split_user_name(user) == parts
