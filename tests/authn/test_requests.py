"""Whole requests through all authenticators, in upstream's order: recorded answers of a running server."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sekisho.authn.interface import Identity, Refusal

BEARER = "Authorization"


def told(outcome: Any) -> Any:
    assert isinstance(outcome, Identity), outcome
    user = outcome.user.to_object()
    user.get("extra", {}).pop("authentication.kubernetes.io/credential-id", None)
    return user


ANONYMOUS = {"username": "system:anonymous", "groups": ["system:unauthenticated"]}
CAROL = {"username": "carol", "uid": "carol-uid", "groups": ["dev", "ops", "system:authenticated"]}


@pytest.mark.parametrize(
    ("header", "user"),
    [
        ("bearer static-token-1", CAROL),
        ("BEARER static-token-1", CAROL),
        ("   Bearer static-token-1   ", CAROL),
        ("Bearer static-token-1 and more", CAROL),
        ("Token static-token-1", ANONYMOUS),
        ("static-token-1", ANONYMOUS),
        ("Bearer", ANONYMOUS),
        ("", ANONYMOUS),
        ("Bearer ", ANONYMOUS),
        ("Bearer  static-token-1", ANONYMOUS),
        ("Bearer\tstatic-token-1", ANONYMOUS),
        ("Basic Y2Fyb2w6c3RhdGljLXRva2VuLTE=", ANONYMOUS),
        ("Negotiate abc", ANONYMOUS),
        ('Bearer "static-token-1"', None),
        ("Bearer nope", None),
        ("Bearer nope, Bearer static-token-1", None),
        ("Bearer static-token-11", None),
        ("Bearer static-token-", None),
        ("Bearer STATIC-TOKEN-1", None),
        ("Bearer carol", None),
        ("Bearer \udcff", None),
    ],
)
def test_forms_of_the_authorization_header(world: Any, header: str, user: Any) -> None:
    outcome, request = world.ask([(BEARER, header)])
    if user is None:
        assert isinstance(outcome, Refusal)
        assert outcome.reason == "invalid bearer token"
    else:
        assert told(outcome) == user
    spaced = "the provided Authorization header contains extra space before the bearer token, and is ignored"
    assert request.warnings == ([spaced] if header == "Bearer  static-token-1" else [])


def test_only_the_first_header_counts(world: Any) -> None:
    outcome, _ = world.ask([(BEARER, "Bearer static-token-1"), (BEARER, "Bearer nope")])
    assert told(outcome) == CAROL
    outcome, _ = world.ask([(BEARER, "Bearer nope"), (BEARER, "Bearer static-token-1")])
    assert isinstance(outcome, Refusal)


def test_a_certificate_beats_a_token(world: Any) -> None:
    alice = world.client("alice", "dev", "qa")
    for header in ("Bearer static-token-1", "Bearer nope", "Basic x"):
        outcome, request = world.ask([(BEARER, header), ("X-Remote-User", "root")], alice)
        assert told(outcome) == {
            "username": "alice",
            "groups": ["dev", "qa", "system:authenticated"],
            "extra": {},
        }
        assert request.headers == []
    credential = outcome.user.extra["authentication.kubernetes.io/credential-id"][0]
    assert credential.startswith("X509SHA256=")
    assert len(credential) == len("X509SHA256=") + 64


def test_a_foreign_certificate_lets_the_token_count(world: Any, chain_of: Any) -> None:
    proxy = chain_of(world.pki.front_proxy_client)
    outcome, request = world.ask([(BEARER, "Bearer static-token-1")], proxy)
    assert told(outcome) == CAROL
    assert [f.authenticator for f in request.trail] == ["front-proxy", "x509", "token-file"]
    outcome, _ = world.ask([(BEARER, "Bearer nope")], proxy)
    assert isinstance(outcome, Refusal)
    outcome, request = world.ask([], proxy)
    assert isinstance(outcome, Refusal)
    assert "x509: certificate signed by unknown authority" in outcome.reason
    assert request.trail[-1].text == "CN front-proxy-client, but its authority is unknown"


def test_a_certificate_without_a_name_is_not_anonymous(world: Any) -> None:
    outcome, _ = world.ask([], world.client(""))
    assert isinstance(outcome, Refusal)
    world2 = type(world)()
    world2.options.front_proxy_roots = None
    outcome, _ = world2.ask([], world.client(""))
    assert told(outcome) == ANONYMOUS


def test_the_front_proxy_vouches(world: Any, chain_of: Any) -> None:
    proxy = chain_of(world.pki.front_proxy_client)
    outcome, request = world.ask(
        [
            ("X-Remote-User", "  erin  "),
            ("X-Remote-Group", "b,team"),
            ("x-remote-group", "a-team"),
            ("X-Remote-Group", ""),
            ("X-Remote-Extra-Acme.com%2Fproject", "p1"),
            ("X-Remote-Extra-Scopes", "read"),
            ("x-remote-extra-scopes", "write"),
            ("X-Remote-Extra-a%zz", "1"),
            ("X-Remote-Extra-", "a"),
            ("X-Remote-Uid", "u-1"),
            (BEARER, "Bearer static-token-1"),
            ("Accept", "x"),
        ],
        proxy,
    )
    assert told(outcome) == {
        "username": "erin",
        "groups": ["b,team", "a-team", "system:authenticated"],
        "extra": {"": ["a"], "a%zz": ["1"], "acme.com/project": ["p1"], "scopes": ["read", "write"]},
    }
    assert request.headers == [(b"accept", b"x")]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Remote-User", "")],
        [("X-Remote-Group", "system:masters")],
        [("X-Forwarded-User", "erin"), ("Remote-User", "erin")],
    ],
)
def test_the_front_proxy_alone_is_nobody(world: Any, chain_of: Any, headers: Any) -> None:
    outcome, _ = world.ask(headers, chain_of(world.pki.front_proxy_client))
    assert isinstance(outcome, Refusal)


@pytest.mark.parametrize(
    ("user", "groups", "expected"),
    [
        ("erin", ["system:unauthenticated", "x"], ["system:unauthenticated", "x"]),
        ("erin", ["system:masters"], ["system:masters", "system:authenticated"]),
        ("erin", ["system:authenticated"], ["system:authenticated"]),
        ("system:anonymous", [], None),
    ],
)
def test_who_is_authenticated(world: Any, chain_of: Any, user: str, groups: list[str], expected: Any) -> None:
    headers = [("X-Remote-User", user), *(("X-Remote-Group", g) for g in groups)]
    outcome, _ = world.ask(headers, chain_of(world.pki.front_proxy_client))
    assert told(outcome).get("groups") == expected


def test_a_proxy_must_have_an_allowed_name(world: Any, chain_of: Any) -> None:
    from sekisho.credentials.certificates import Authority, issue_client

    authority = Authority.from_pem(world.pki.front_proxy_ca.certificate, world.pki.front_proxy_ca.key)
    other = chain_of(issue_client(authority, "other-proxy", now=world.clock.now()))
    outcome, _ = world.ask([("X-Remote-User", "erin")], other)
    assert isinstance(outcome, Refusal)
    assert outcome.reasons[0] == "x509: subject with cn=other-proxy is not in the allowed list"


def encoded(token: str) -> str:
    return base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


PREFIX = "base64url.bearer.authorization.k8s.io."


@pytest.mark.parametrize(
    ("protocols", "upgrade", "expected"),
    [
        (f"{PREFIX}{encoded('static-token-1')}, base64.channel.k8s.io", True, CAROL),
        (f"{PREFIX}{encoded('static-token-1')}, base64.channel.k8s.io", False, ANONYMOUS),
        ("base64.channel.k8s.io", True, ANONYMOUS),
        (f"{PREFIX}, v5", True, ANONYMOUS),
        (f"{PREFIX}{encoded('nope')}, v5", True, "invalid bearer token"),
        (f"{PREFIX}***, v5", True, "invalid base64.bearer.authorization token encoding"),
        (f"{PREFIX}_w, v5", True, "invalid base64.bearer.authorization token"),
        (f"{PREFIX}{encoded('static-token-1')}", True, "missing additional subprotocol"),
        (f"{PREFIX}YQ, {PREFIX}YQ, v5", True, "multiple base64.bearer.authorization tokens specified"),
    ],
)
def test_websocket_protocols(world: Any, protocols: str, upgrade: bool, expected: Any) -> None:
    headers = [("Sec-WebSocket-Protocol", protocols), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
    outcome, request = world.ask(headers, websocket_upgrade=upgrade)
    if isinstance(expected, str):
        assert isinstance(outcome, Refusal)
        assert outcome.reason == expected
    else:
        assert told(outcome) == expected
    if expected is CAROL:
        assert request.values(b"sec-websocket-protocol") == ["base64.channel.k8s.io"]


def test_anonymous_may_be_switched_off_or_held_to_paths(world: Any) -> None:
    from sekisho.authn.anonymous import AnonymousAuthenticator

    world.options.anonymous = AnonymousAuthenticator(frozenset({"/livez"}))
    assert told(world.ask(path="/livez")[0]) == ANONYMOUS
    assert world.ask(path="/livez/")[0] is None
    off = type(world)()
    off.options.anonymous = None
    assert off.ask()[0] is None


def test_the_trail_never_holds_a_credential(world: Any) -> None:
    world.account()
    seen = []
    for token in ("static-token-1", "secret-unknown", world.bound(), world.bound(audiences=("vault",))):
        _, request = world.bearer(token)
        seen.append((token, request.trail))
    for token, trail in seen:
        assert trail
        assert all(token not in f.text for f in trail)
        signature = token.rsplit(".", 1)[-1]
        assert all(signature not in f.text for f in trail)


def test_the_guard_is_asked_last(world: Any) -> None:
    world.options.guard = lambda identity: f"{identity.user.name} was revoked by root"
    outcome, request = world.bearer("static-token-1")
    assert isinstance(outcome, Refusal)
    assert request.trail[-1] == ("revocation", "carol was revoked by root")
    assert world.review("static-token-1") == {"user": {}, "error": "carol was revoked by root"}


def test_the_servers_own_token(world: Any) -> None:
    outcome, _ = world.bearer(world.built.loopback_token)
    assert told(outcome)["username"] == "system:apiserver"
