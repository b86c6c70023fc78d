from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.authn.interface import Identity, Refusal
from sekisho.credentials import tokens
from sekisho.credentials.tokens import Ref

INVALIDATED = "[invalid bearer token, service account token has been invalidated]"


def error(world: Any, token: str, *audiences: str) -> str:
    status = world.review(token, audiences)
    assert "authenticated" not in status
    assert status["user"] == {}
    text: str = status["error"]
    return text


def test_a_bound_token_proves_its_account(world: Any) -> None:
    world.account()
    world.objects.put("pods", "ns1", "p1")
    token = world.bound(pod=Ref("p1", "p1-uid"), node=Ref("n1", "n1-uid"))
    assert world.review(token) == {
        "authenticated": True,
        "user": {
            "username": "system:serviceaccount:ns1:s2",
            "uid": "s2-uid",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:ns1", "system:authenticated"],
            "extra": {
                "authentication.kubernetes.io/credential-id": ["JTI=jti-1"],
                "authentication.kubernetes.io/node-name": ["n1"],
                "authentication.kubernetes.io/node-uid": ["n1-uid"],
                "authentication.kubernetes.io/pod-name": ["p1"],
                "authentication.kubernetes.io/pod-uid": ["p1-uid"],
            },
        },
        "audiences": [world.issuer],
    }


@pytest.mark.parametrize(
    ("kind", "resource", "namespace"),
    [("pod", "pods", "ns1"), ("secret", "secrets", "ns1"), ("node", "nodes", "")],
)
def test_a_token_dies_with_what_it_is_bound_to(world: Any, kind: str, resource: str, namespace: str) -> None:
    world.account()
    token = world.bound(**{kind: Ref("x", "x-uid")})
    assert error(world, token) == INVALIDATED
    world.objects.put(resource, namespace, "x", uid="another")
    assert error(world, token) == (
        f"[invalid bearer token, {kind} UID (another) does not match service account {kind} ref claim (x-uid)]"
    )
    world.objects.put(resource, namespace, "x", metadata={"deletionTimestamp": world.stamp(-61)})
    assert error(world, token) == INVALIDATED
    world.objects.put(resource, namespace, "x", metadata={"deletionTimestamp": world.stamp(-59)})
    assert world.review(token)["authenticated"]


def test_a_token_dies_with_its_account(world: Any) -> None:
    token = world.bound()
    assert error(world, token) == '[invalid bearer token, serviceaccounts "s2" not found]'
    world.account(uid="another")
    assert error(world, token) == (
        "[invalid bearer token, service account UID (another) does not match claim (s2-uid)]"
    )
    world.account(metadata={"deletionTimestamp": world.stamp(-61)})
    assert error(world, token) == "[invalid bearer token, service account ns1/s2 has been deleted]"


@pytest.mark.parametrize(
    ("own", "asked", "expected"),
    [
        (("vault",), ("vault",), ["vault"]),
        (("vault",), ("other", "vault"), ["vault"]),
        (("vault", "a"), ("a", "x", "vault"), ["a", "vault"]),
        (("",), ("",), [""]),
        (("vault",), ("Vault",), 'token audiences ["vault"] is invalid for the target audiences ["Vault"]'),
        (
            ("vault", "b"),
            ("other",),
            'token audiences ["vault" "b"] is invalid for the target audiences ["other"]',
        ),
    ],
)
def test_audiences(world: Any, own: Any, asked: Any, expected: Any) -> None:
    world.account()
    token = world.bound(audiences=own)
    if isinstance(expected, str):
        assert error(world, token, *asked) == f"[invalid bearer token, {expected}]"
        _, request = world.bearer(token)
        assert request.trail[-1].text == f"audience {', '.join(own)} is not {world.issuer}"
    else:
        assert world.review(token, asked)["audiences"] == expected


def test_static_tokens_are_for_the_servers_own_audiences(world: Any) -> None:
    assert world.review("static-token-1")["audiences"] == [world.issuer]
    assert error(world, "static-token-1", "vault") == "invalid bearer token"
    assert world.review("static-token-1", ("vault", world.issuer))["audiences"] == [world.issuer]


def test_blanks_are_an_anonymous_review(world: Any) -> None:
    for token in ("   ", " static-token-2"):
        status = world.review(token)
        assert status["user"]["username"] == "system:anonymous"
        assert status["authenticated"]
    assert world.review("static-token-2 more")["user"]["username"] == "dave"


def test_a_stale_token_is_noted(world: Any) -> None:
    world.account()
    token = world.bound(warn_after=int(world.clock.now()) + 100, expires=int(world.clock.now()) + 86400)
    _, request = world.bearer(token)
    assert request.annotations == {}
    world.clock.time += 150
    for _ in range(2):  # from the look-up, then from the cache
        _, request = world.bearer(token)
        assert request.annotations == {
            "authentication.k8s.io/stale-token": "subject: system:serviceaccount:ns1:s2, "
            "seconds after warning threshold: 50"
        }


class Legacy:
    def __init__(self, world: Any) -> None:
        self.world = world
        self.token = tokens.sign_legacy(world.signing_key, "ns1", "leg", Ref("s2", "s2-uid"))
        world.account()
        self.secret()

    def secret(self, token: str | None = None, **metadata: Any) -> None:
        data = {"token": base64.b64encode((token or self.token).encode()).decode()}
        self.world.objects.put("secrets", "ns1", "leg", metadata=metadata, data=data)


def test_a_legacy_token(world: Any) -> None:
    legacy = Legacy(world)
    outcome, request = world.bearer(legacy.token)
    assert isinstance(outcome, Identity)
    assert outcome.user.to_object() == {
        "username": "system:serviceaccount:ns1:s2",
        "uid": "s2-uid",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:ns1", "system:authenticated"],
    }
    assert request.annotations == {
        "authentication.k8s.io/legacy-token": "system:serviceaccount:ns1:s2",
        "authentication.k8s.io/legacy-token-manual-secret": "leg",
    }
    assert world.touched == [("leg", "2027-01-15")]
    assert world.review(legacy.token)["audiences"] == [world.issuer]


@pytest.mark.parametrize("day", ["2027-01-15", "2027-01-16"])
def test_the_last_use_is_written_once_a_day(world: Any, day: str) -> None:
    legacy = Legacy(world)
    legacy.secret(labels={"kubernetes.io/legacy-token-last-used": day})
    world.bearer(legacy.token)
    assert world.touched == []


def test_auto_generated_secrets_are_warned_of(world: Any) -> None:
    legacy = Legacy(world)
    world.account(secrets=[{"name": "leg"}])
    for _ in range(2):
        _, request = world.bearer(legacy.token)
        assert request.warnings == [
            "Use tokens from the TokenRequest API or manually created secret-based tokens "
            "instead of auto-generated secret-based tokens."
        ]
        assert request.annotations["authentication.k8s.io/legacy-token-autogenerated-secret"] == "leg"


def test_legacy_tokens_that_are_no_good(world: Any) -> None:
    legacy = Legacy(world)
    world.account(uid="another")
    assert error(world, legacy.token).endswith("ServiceAccount UID (another) does not match claim (s2-uid)]")
    world.account(metadata={"deletionTimestamp": world.stamp(0)})
    assert error(world, legacy.token).endswith("ServiceAccount ns1/s2 has been deleted]")
    del world.objects.stored[("serviceaccounts", "ns1", "s2")]
    assert error(world, legacy.token).endswith('serviceaccounts "s2" not found]')
    legacy.secret(token="other")
    assert error(world, legacy.token).endswith("Token does not match server's copy]")
    legacy.secret(deletionTimestamp=world.stamp(0))
    assert error(world, legacy.token).endswith("Token has been invalidated]")
    del world.objects.stored[("secrets", "ns1", "leg")]
    assert error(world, legacy.token).endswith("Token has been invalidated]")


def test_a_secret_marked_invalid(world: Any) -> None:
    legacy = Legacy(world)
    legacy.secret(labels={"kubernetes.io/legacy-token-invalid-since": "2027-01-01"})
    outcome, request = world.bearer(legacy.token)
    assert isinstance(outcome, Refusal)
    assert outcome.reasons[1] == (
        "the token in secret ns1/leg for service account ns1/s2 has been marked invalid. Use tokens from the "
        "TokenRequest API or manually created secret-based tokens, or remove the "
        "'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token"
    )
    assert request.annotations["authentication.k8s.io/legacy-token-invalidated"] == "leg/ns1"
    assert world.touched == [("leg", "2027-01-15")]


@pytest.mark.parametrize(
    ("drop", "text"),
    [
        ("sub", "sub claim is missing"),
        (tokens.LEGACY_NAMESPACE, "namespace claim is missing"),
        (tokens.LEGACY_SECRET, "secretName claim is missing"),
        (tokens.LEGACY_NAME, "serviceAccountName claim is missing"),
        (tokens.LEGACY_UID, "serviceAccountUID claim is missing"),
        (None, "sub claim is invalid"),
    ],
)
def test_legacy_claims(world: Any, drop: str | None, text: str) -> None:
    claims = {
        "iss": tokens.LEGACY_ISSUER,
        "sub": "system:serviceaccount:ns1:s2",
        tokens.LEGACY_NAMESPACE: "ns1",
        tokens.LEGACY_SECRET: "leg",
        tokens.LEGACY_NAME: "s2",
        tokens.LEGACY_UID: "u",
    }
    if drop is None:
        claims["sub"] = "system:serviceaccount:ns1:other"
    else:
        del claims[drop]
    assert (
        error(world, world.signing_key.sign(json.dumps(claims).encode())) == f"[invalid bearer token, {text}]"
    )


def test_bootstrap_tokens(world: Any) -> None:
    from sekisho.credentials import bootstrap_tokens

    token = bootstrap_tokens.parse("abc123.0123456789abcdef")
    assert token is not None

    def put(**more: Any) -> None:
        secret = bootstrap_tokens.new_secret(token, **more)
        world.objects.put(
            "secrets", "kube-system", "bootstrap-token-abc123", type=secret["type"], data=secret["data"]
        )

    put(
        groups=["system:bootstrappers:worker", "system:bootstrappers:ingress"],
        expiration="2099-01-01T00:00:00Z",
    )
    assert world.review(str(token))["user"] == {
        "username": "system:bootstrap:abc123",
        "groups": [
            "system:bootstrappers",
            "system:bootstrappers:ingress",
            "system:bootstrappers:worker",
            "system:authenticated",
        ],
    }
    for wrong in (
        "abc123.0123456789abcdee",
        "abc123.0123456789abcde",
        "abc123.0123456789ABCDEF",
        "abc123",
        "abc123.",
        "000000.0123456789abcdef",
        "bootstrap-token-abc123.0123456789abcdef",
    ):
        world.built.token_cache.forget()
        assert error(world, wrong) == "invalid bearer token"
    for no_good in (
        {"expiration": "2001-01-01T00:00:00Z"},
        {"expiration": "tomorrow"},
        {"usages": ["signing"]},
        {"groups": ["system:masters"]},
        {"groups": ["system:bootstrappers:a", ""]},
    ):
        put(**no_good)
        world.built.token_cache.forget()
        assert error(world, str(token)) == "invalid bearer token"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=st.integers(600, 1 << 32), late=st.integers(-12, 12))
def test_a_token_lives_to_its_end_and_a_minute(world: Any, life: int, late: int) -> None:
    """However often it was seen before: a cached success does not outlive the token."""
    fresh = type(world)()
    fresh.account()
    end = int(fresh.clock.now()) + life
    token = fresh.bound(expires=end)
    fresh.clock.time = end + tokens.LEEWAY - 5
    assert fresh.review(token).get("authenticated")
    fresh.clock.time = end + tokens.LEEWAY + late / 4
    assert bool(fresh.review(token).get("authenticated")) == (late <= 0)
