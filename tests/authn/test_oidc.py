from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sekisho.authn import authentication_config as config
from sekisho.authn.authentication_config import (
    ClaimMapping,
    ClaimRule,
    ConfigError,
    ExtraMapping,
    Issuer,
    JWTConfig,
    UserRule,
)
from sekisho.authn.interface import AuthnContext, Identity, Refusal
from sekisho.authn.issuers import Issuers, IssuersFile
from sekisho.credentials import keys
from sekisho.credentials.outgoing import Answer, CallError

URL = "https://issuer.example"
KEY_1, KEY_2 = (keys.SigningKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
RSA = keys.SigningKey(rsa.generate_private_key(65537, 2048))
NOW = 1_800_000_000.0


class Provider:
    """An identity provider as HTTP answers."""

    def __init__(self, url: str = URL, *signers: keys.SigningKey) -> None:
        self.url = url
        self.signers = signers or (KEY_1,)
        self.down = False
        self.cache_control = ""
        self.asked: list[str] = []
        self.extra: dict[str, Answer] = {}
        self.issuer = url

    async def __call__(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.down:
            raise CallError(f"{method} {url}: connection refused", lost=True)
        if url == f"{self.url}/.well-known/openid-configuration":
            return self.answer({"issuer": self.issuer, "jwks_uri": f"{self.url}/jwks"})
        if url == f"{self.url}/jwks":
            jwks = [keys.VerificationKey(s.kid, s.key.public_key()).jwk() for s in self.signers]
            broken: list[Any] = [{"kty": "RSA"}, {"kty": "oct", "k": "AA"}, 5, {"use": "enc"}]
            return self.answer({"keys": [*broken, *jwks]}, {"cache-control": self.cache_control})
        return self.extra.get(url, Answer(404, b"nothing"))

    def answer(self, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        return Answer(200, json.dumps(value).encode(), headers or {})


CONFIG = JWTConfig(
    Issuer(URL, audiences=("client",)),
    username=ClaimMapping("sub", "x:"),
    groups=ClaimMapping("groups", "g:"),
)


def token(signer: keys.SigningKey = KEY_1, **claims: Any) -> str:
    base = {"iss": URL, "aud": "client", "sub": "ann", "exp": NOW + 600, "iat": NOW}
    return signer.sign(json.dumps({k: v for k, v in (base | claims).items() if v is not ...}).encode())


async def started(provider: Provider, world: Any, *configs: JWTConfig) -> Issuers:
    issuers = Issuers(configs or (CONFIG,), world.clock, lambda ca: provider)
    for found in issuers.providers:
        await found.discover()
    return issuers


def ask(world: Any, text: str, changed: JWTConfig = CONFIG, provider: Provider | None = None) -> Any:
    async def main() -> Any:
        issuers = await started(provider or Provider(), world, changed)
        return await issuers.authenticate_token(text, AuthnContext())

    return asyncio.run(main())


def refused(world: Any, text: str, changed: JWTConfig = CONFIG, provider: Provider | None = None) -> str:
    outcome = ask(world, text, changed, provider)
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def test_a_good_token(world: Any) -> None:
    outcome = ask(world, token(groups=["a", "b"], jti="j1", email="x"))
    assert isinstance(outcome, Identity)
    assert outcome.user.to_object() == {
        "username": "x:ann",
        "groups": ["g:a", "g:b"],
        "extra": {"authentication.kubernetes.io/credential-id": ["JTI=j1"]},
    }
    assert outcome.valid_until == NOW + 600
    assert ask(world, token(groups="one")).user.groups == ("g:one",)
    assert ask(world, token(iss="https://other.example")) is None
    assert ask(world, "opaque") is None


def test_through_the_whole_server(world: Any) -> None:
    async def main() -> None:
        world.options.jwt = await started(Provider(), world)
        from sekisho.authn.interface import AuthnRequest

        headers = [(b"authorization", b"Bearer " + token().encode())]
        outcome = await world.gate.authenticate(AuthnRequest(headers))
        assert isinstance(outcome, Identity)
        assert outcome.user.groups == ("system:authenticated",)
        assert outcome.audiences == (world.issuer,)
        world.clock.time += 601
        assert isinstance(await world.gate.authenticate(AuthnRequest(headers)), Refusal)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        (
            {"exp": NOW - 1},
            "oidc: verify token: oidc: token is expired (Token Expiry: 2027-01-15 07:59:59 +0000 UTC)",
        ),
        (
            {"exp": ...},
            "oidc: verify token: oidc: token is expired (Token Expiry: 1970-01-01 00:00:00 +0000 UTC)",
        ),
        (
            {"nbf": NOW + 61},
            "oidc: verify token: oidc: current time 2027-01-15 08:00:00 +0000 UTC before the nbf (not before) time: "
            "2027-01-15 08:01:01 +0000 UTC",
        ),
        ({"aud": "b"}, 'oidc: verify token: oidc: expected audience "client" got ["b"]'),
        ({"aud": ["b", "c"]}, 'oidc: verify token: oidc: expected audience "client" got ["b" "c"]'),
        ({"sub": ...}, 'oidc: parse username claims "sub": claim not present'),
        (
            {"groups": 5},
            'oidc: parse groups claim "groups": json: cannot unmarshal into Go value of type string',
        ),
        ({"exp": "x"}, "oidc: verify token: oidc: failed to unmarshal claims"),
    ],
)
def test_tokens_that_are_no_good(world: Any, claims: Any, text: str) -> None:
    assert refused(world, token(**claims)) == text


def test_times_at_their_limits(world: Any) -> None:
    assert isinstance(ask(world, token(exp=NOW)), Identity)
    assert isinstance(ask(world, token(nbf=NOW + 60)), Identity)


def test_algorithms(world: Any) -> None:
    only = replace(CONFIG, algorithms=("RS256",))
    assert refused(world, token(), only) == (
        'oidc: verify token: oidc: id token signed with unsupported algorithm, expected ["RS256"] got "ES256"'
    )
    assert isinstance(ask(world, token(RSA), only, Provider(URL, RSA)), Identity)


def test_signatures_and_key_rotation(world: Any) -> None:
    async def main() -> None:
        provider = Provider()
        issuers = await started(provider, world)

        async def good(text: str) -> bool:
            return isinstance(await issuers.authenticate_token(text, AuthnContext()), Identity)

        assert await asyncio.gather(*(good(token()) for _ in range(5))) == [True] * 5
        assert provider.asked.count(f"{URL}/jwks") == 1, "one fetch serves all that wait"
        assert await good(token())
        provider.signers = (KEY_1, KEY_2)
        assert await good(token(KEY_2)), "a new key is fetched when it is met"
        provider.down = True
        assert await good(token(KEY_2))
        outcome = await issuers.authenticate_token(token(RSA), AuthnContext())
        assert isinstance(outcome, Refusal)
        assert outcome.reason.startswith(
            "oidc: verify token: failed to verify signature: fetching keys oidc: GET"
        )
        provider.down = False
        provider.cache_control = "public, max-age=3600"
        provider.signers = (KEY_2,)
        assert not await good(token(RSA))
        asked = len(provider.asked)
        assert not await good(token(RSA)), "keys that stay fresh are not fetched again"
        assert len(provider.asked) == asked
        assert not await good(token(KEY_1)), "keys that are gone no longer verify"
        world.clock.time += 3600 - 29
        assert not await good(token(RSA, exp=NOW + 9999))
        assert len(provider.asked) == asked + 1

    asyncio.run(main())


def test_an_issuer_that_is_down(world: Any) -> None:
    async def main() -> None:
        provider = Provider()
        provider.down = True
        issuers = Issuers([CONFIG], world.clock, lambda ca: provider)
        outcome = await issuers.authenticate_token(token(), AuthnContext())
        assert outcome == Refusal(("oidc: authenticator not initialized",))
        tries = 0

        async def sleep(seconds: float) -> None:
            nonlocal tries
            tries += 1
            assert seconds == 10
            provider.down = tries < 3

        world.clock.sleep = sleep
        await issuers.providers[0].keep_discovering()
        assert tries == 3
        assert isinstance(await issuers.authenticate_token(token(), AuthnContext()), Identity)

    asyncio.run(main())


def test_a_document_of_another_issuer(world: Any) -> None:
    provider = Provider()
    provider.issuer = "https://evil.example"
    with pytest.raises(Exception, match=r'expected "https://issuer.example" got "https://evil.example"'):
        asyncio.run(started(provider, world))


def test_email(world: Any) -> None:
    by_email = replace(CONFIG, username=ClaimMapping("email", ""))
    assert ask(world, token(email="a@b"), by_email).user.name == "a@b"
    assert ask(world, token(email="a@b", email_verified=True), by_email).user.name == "a@b"
    assert refused(world, token(email="a@b", email_verified=False), by_email) == "oidc: email not verified"
    assert "email_verified" in refused(world, token(email="a@b", email_verified="true"), by_email)


def test_required_claims_and_uid(world: Any) -> None:
    changed = replace(CONFIG, claim_rules=(ClaimRule("hd", "example.com"),), uid=ClaimMapping("oid"))
    assert ask(world, token(hd="example.com", oid="u1"), changed).user.uid == "u1"
    assert refused(world, token(oid="u"), changed) == "oidc: required claim hd not present in ID token"
    assert refused(world, token(hd="a", oid="u"), changed) == (
        "oidc: required claim hd value does not match. Got = a, want = example.com"
    )
    assert (
        refused(world, token(hd="example.com"), changed) == 'oidc: parse uid claim "oid": claim not present'
    )


EXPRESSIONS = replace(
    CONFIG,
    username=ClaimMapping(expression="claims.sub + '@x'"),
    groups=ClaimMapping(expression="claims.roles.map(r, 'role:' + r)"),
    uid=ClaimMapping(expression="claims.?oid.orValue('')"),
    extra=(ExtraMapping("example.com/tenant", "claims.?tenant.orValue('')"),),
    claim_rules=(ClaimRule(expression="claims.exp - claims.iat <= 86400", message="too long"),),
    user_rules=(UserRule("!user.username.startsWith('system:')", "reserved"),),
)


def test_expressions(world: Any) -> None:
    pytest.importorskip("cel_expr_python")
    user = ask(
        world, token(roles=["a", ""], oid="7", tenant="t", exp=int(NOW) + 60, iat=int(NOW)), EXPRESSIONS
    ).user
    assert user.to_object() == {
        "username": "ann@x",
        "uid": "7",
        "groups": ["role:a", "role:"],
        "extra": {"example.com/tenant": ["t"]},
    }
    long = token(roles=[], exp=int(NOW) + 90000, iat=int(NOW))
    assert refused(world, long, EXPRESSIONS) == (
        "oidc: error evaluating claim validation expression: validation expression "
        "'claims.exp - claims.iat <= 86400' failed: too long"
    )
    reserved = token(sub="system:x", roles=[], exp=int(NOW) + 60, iat=int(NOW))
    assert refused(world, reserved, EXPRESSIONS) == (
        "oidc: error evaluating user info validation rule: validation expression "
        "'!user.username.startsWith('system:')' failed: reserved"
    )
    for expression, text in (
        ("''", "oidc: empty username via CEL expression is not allowed"),
        ("5", "oidc: username claim expression must return a string"),
    ):
        changed = replace(CONFIG, username=ClaimMapping(expression=expression))
        assert refused(world, token(), changed) == text
    numbers = replace(CONFIG, groups=ClaimMapping(expression="[1, 2]"))
    assert "expression must return a string or a list of strings" in refused(world, token(), numbers)


def test_several_audiences(world: Any) -> None:
    several = replace(
        CONFIG, issuer=replace(CONFIG.issuer, audiences=("a", "b"), audience_match_policy="MatchAny")
    )
    assert isinstance(ask(world, token(aud=["z", "b"]), several), Identity)
    assert refused(world, token(aud="c"), several) == (
        'oidc: verify token: oidc: expected audience in ["a" "b"] got ["c"]'
    )


def test_distributed_groups(world: Any) -> None:
    provider = Provider()
    where = "https://claims.example/groups"
    pointing = {
        "_claim_names": {"groups": "src"},
        "_claim_sources": {"src": {"endpoint": where, "access_token": "t"}},
    }
    provider.extra[where] = Answer(200, token(groups=["far"]).encode())
    assert ask(world, token(**pointing), provider=provider).user.groups == ("g:far",)
    provider.extra[where] = Answer(200, token(aud="other", groups=["far"]).encode())
    assert "expected audience" in refused(world, token(**pointing), provider=provider)
    provider.extra[where] = Answer(200, token().encode())
    assert "did not contain claim: groups" in refused(world, token(**pointing), provider=provider)
    del provider.extra[where]
    assert "could not expand distributed claims" in refused(world, token(**pointing), provider=provider)
    assert ask(world, token(groups=["near"], **pointing), provider=provider).user.groups == ("g:near",)


HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
FILE = (
    HEAD
    + """
jwt:
- issuer: {url: "https://issuer.example", audiences: [client]}
  claimMappings: {username: {claim: sub, prefix: "x:"}}
"""
)


def test_flags() -> None:
    made = config.of_flags(URL, "client")
    assert made.username == ClaimMapping("sub", f"{URL}#")
    assert made.algorithms == ("RS256",)
    assert config.of_flags(URL, "c", username_claim="email").username.prefix == ""
    assert config.of_flags(URL, "c", username_prefix="-").username.prefix == ""
    assert config.of_flags(URL, "c", groups_claim="g", groups_prefix="p").groups == ClaimMapping("g", "p")
    assert config.of_flags(URL, "c", required_claims={"a": "b"}).claim_rules == (ClaimRule("a", "b"),)
    with pytest.raises(ConfigError, match="oidc-issuer-url and oidc-client-id must be specified together"):
        config.of_flags(URL, "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "empty config data"),
        (HEAD + "jwt: [{issuer: {uri: x}}]", 'strict decoding error: unknown field "jwt[0].issuer.uri"'),
        (HEAD + "jwt: []\njwt: []", 'key "jwt" already set in map'),
        (
            HEAD + "jwt: 5",
            "json: cannot unmarshal number into Go struct field AuthenticationConfiguration.jwt",
        ),
        ("kind: Pod\napiVersion: v1", 'no kind "Pod" is registered for version "v1"'),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value).startswith(f'failed to load authentication configuration from file "{path}": ')
    assert error in str(caught.value)


def fails(text: str, *own: str) -> str:
    from sekisho.authn import authentication_validation

    with pytest.raises(ConfigError) as caught:
        authentication_validation.check(config.parse((HEAD + text).encode()), own)
    return str(caught.value).removeprefix("invalid authentication configuration: ")


ISSUER = 'issuer: {url: "https://i.example", audiences: [a]}'
NAMED = 'claimMappings: {username: {claim: sub, prefix: ""}}'


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"jwt: [{{{NAMED}}}]", "jwt[0].issuer.url: Required value"),
        (f"jwt: [{{{NAMED}}}]", "at least one jwt[0].issuer.audiences is required"),
        (
            f"jwt: [{{{ISSUER}}}]",
            "jwt[0].claimMappings.username: Required value: claim or expression is required",
        ),
        (
            f"jwt: [{{{ISSUER}, claimMappings: {{username: {{claim: sub}}}}}}]",
            "jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be "
            "set to an empty string to disable prefixing",
        ),
        (
            f'jwt: [{{issuer: {{url: "http://u:p@x/?q#f", audiences: [a]}}, {NAMED}}}]',
            'jwt[0].issuer.url: Invalid value: "http://u:p@x/?q#f": URL scheme must be https',
        ),
        (f"jwt: [{{{ISSUER}, {NAMED}}}, {{{ISSUER}, {NAMED}}}]", "jwt[1].issuer.url: Duplicate value"),
        (
            f'jwt: [{{issuer: {{url: "https://i", discoveryURL: "https://i/", audiences: [a]}}, {NAMED}}}]',
            "discoveryURL must be different from URL",
        ),
        (
            f'jwt: [{{issuer: {{url: "https://i", audiences: [a, b]}}, {NAMED}}}]',
            "audienceMatchPolicy must be MatchAny for multiple audiences",
        ),
        (
            f'jwt: [{{issuer: {{url: "https://i", audiences: [a, ""], audienceMatchPolicy: MatchAny}}, {NAMED}}}]',
            "jwt[0].issuer.audiences[1]: Required value",
        ),
        (
            f'jwt: [{{issuer: {{url: "https://i", audiences: [a], certificateAuthority: x}}, {NAMED}}}]',
            'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>"',
        ),
        (
            f"jwt: [{{{ISSUER}, {NAMED}, claimValidationRules: [{{claim: a, expression: b}}]}}]",
            "claim and expression can't both be set",
        ),
        (f"jwt: [{{{ISSUER}, {NAMED}, claimValidationRules: [{{}}]}}]", "claim or expression is required"),
        (
            f"jwt: [{{{ISSUER}, {NAMED}, claimValidationRules: [{{expression: '5'}}]}}]",
            "must evaluate to bool",
        ),
        (
            f"jwt: [{{{ISSUER}, {NAMED}, userValidationRules: [{{expression: 'foo'}}]}}]",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo'",
        ),
        (
            f"jwt: [{{{ISSUER}, claimMappings: {{username: {{expression: claims.email}}}}}}]",
            "claims.email_verified must be used in claimMappings.username.expression",
        ),
        (
            f"jwt: [{{{ISSUER}, claimMappings: {{username: {{claim: s, prefix: ''}}, "
            "extra: [{key: k8s.io/A, valueExpression: '1'}]}}]",
            "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use",
        ),
        (
            "anonymous: {enabled: false, conditions: [{path: /livez}]}",
            "enabled should be set to true when conditions are defined",
        ),
        ("jwt: [{}]".format(", ".join(["{}"] * 65)), "jwt: Too many: 65: must have at most 64 items"),
    ],
)
def test_what_a_configuration_may_not_say(text: str, error: str) -> None:
    pytest.importorskip("cel_expr_python")
    assert error in fails(text)


def test_the_clusters_own_issuer_is_taken() -> None:
    text = f"jwt: [{{{ISSUER}, {NAMED}}}]"
    assert fails(text, "https://i.example", "https://a") == (
        'jwt[0].issuer.url: Invalid value: "https://i.example": URL must not overlap with disallowed issuers: '
        "[https://a https://i.example]"
    )


def test_the_file_is_reloaded(world: Any, tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "c.yaml"
        path.write_text(FILE)
        provider, swaps = Provider(), []
        file = IssuersFile(
            path, (), world.clock, make_caller=lambda ca: provider, changed=lambda: swaps.append(1)
        )
        for found in file._issuers.providers:
            await found.discover()

        async def name() -> str:
            outcome = await file.authenticate_token(token(exp=NOW + 1e6), AuthnContext())
            assert isinstance(outcome, Identity)
            return outcome.user.name

        async def sleep(seconds: float) -> None:
            world.clock.time += seconds
            await asyncio.sleep(0)

        world.clock.sleep = sleep
        assert await name() == "x:ann"
        path.write_text(FILE.replace('"x:"', '"y:"'))
        await file.reload()
        assert await name() == "y:ann"
        assert swaps == [1]
        path.write_text(FILE.replace('"x:"', '"z:"').replace("claim: sub", "clam: sub"))
        with pytest.raises(ConfigError, match="unknown field"):
            await file.reload()
        assert await name() == "y:ann", "a bad file is refused and the old one kept"
        path.write_text(FILE.replace('"x:"', '"z:"') + "anonymous: {enabled: true}\n")
        with pytest.raises(
            ConfigError, match="anonymous: Forbidden: changed from initial configuration file"
        ):
            await file.reload()
        path.write_text(FILE.replace('"x:"', '"z:"'))
        provider.down = True
        waiting = asyncio.create_task(file.reload())
        for _ in range(1000):
            await asyncio.sleep(0)
        assert await name() == "y:ann", "issuers that cannot be reached do not replace those that work"
        provider.down = False
        await waiting
        assert await name() == "z:ann"
        await file.close()

    asyncio.run(main())


def test_the_file_is_watched(world: Any, tmp_path: Path) -> None:
    async def main() -> None:
        from sekisho.credentials.filewatch import FileWatch

        path = tmp_path / "f"
        path.write_text("a")
        seen: list[str] = []
        watch = FileWatch([path], lambda: seen.append(path.read_text()), world.clock)
        assert not await watch.look()
        path.write_text("bb")
        assert await watch.look()
        path.unlink()
        assert not await watch.look()
        other = tmp_path / "g"
        other.write_text("cc")
        other.rename(path)
        assert await watch.look()
        assert seen == ["bb", "cc"]

    asyncio.run(main())
