"""What an attacker may try. Each is refused with upstream's answer, and never by a crash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sekisho.authn.interface import Identity, Refusal
from sekisho.credentials import jws, keys, pki, subjects
from sekisho.credentials.certificates import Authority, moment

CRYPTO = "go-jose/go-jose: error in cryptographic primitive"
NO_KEYS = "invalid signature, no keys found"
UNKNOWN = "x509: certificate signed by unknown authority"


def refused(outcome: Any) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    pad = lambda t: t + "=" * (-len(t) % 4)  # noqa: E731
    return (
        json.loads(base64.urlsafe_b64decode(pad(header))),
        json.loads(base64.urlsafe_b64decode(pad(payload))),
        signature,
    )


@pytest.fixture
def good(world: Any) -> str:
    world.account()
    token: str = world.bound()
    assert isinstance(world.bearer(token)[0], Identity)
    return token


class TestTokens:
    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
    @pytest.mark.parametrize("keep", [True, False])
    def test_no_algorithm(self, world: Any, good: str, alg: str, keep: bool) -> None:
        header, claims, signature = parts(good)
        forged = f"{b64(header | {'alg': alg})}.{b64(claims)}.{signature if keep else ''}"
        assert refused(world.bearer(forged)[0]) == f"[invalid bearer token, {CRYPTO}]"

    @pytest.mark.parametrize("form", ["pem", "der", "ssh"])
    @pytest.mark.parametrize("bits", ["256", "384", "512"])
    def test_the_public_key_as_hmac_secret(self, world: Any, good: str, form: str, bits: str) -> None:
        public = world.signing_key.key.public_key()
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        secret = {
            "pem": public.public_bytes(serialization.Encoding.PEM, spki),
            "der": public.public_bytes(serialization.Encoding.DER, spki),
            "ssh": public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
        }[form]
        header, claims, _ = parts(good)
        signing_input = f"{b64(header | {'alg': 'HS' + bits})}.{b64(claims)}"
        digest = hmac.new(secret, signing_input.encode(), getattr(hashlib, f"sha{bits}")).digest()
        assert CRYPTO in refused(world.bearer(f"{signing_input}.{b64(digest)}")[0])

    @pytest.mark.parametrize("alg", ["ES256", "RS384", "PS256", "ES512", "EdDSA"])
    def test_another_algorithm_over_the_same_signature(self, world: Any, good: str, alg: str) -> None:
        header, claims, signature = parts(good)
        assert CRYPTO in refused(world.bearer(f"{b64(header | {'alg': alg})}.{b64(claims)}.{signature}")[0])

    @pytest.mark.parametrize(
        "kid",
        [
            "../../../../dev/null",
            "/etc/passwd",
            "' OR 1=1 --",
            "http://attacker.example/key",
            "\x00",
            "x" * 100_000,
            "ключ",
        ],
    )
    def test_key_ids_lead_nowhere(self, world: Any, good: str, kid: str) -> None:
        mine = keys.SigningKey(ec.generate_private_key(ec.SECP256R1()))
        forged = jwt.encode(parts(good)[1], mine.key, "ES256", headers={"kid": kid, "typ": None})
        outcome, request = world.bearer(forged)
        assert refused(outcome) == f"[invalid bearer token, {NO_KEYS}]"
        assert any(f.text == "signed by an unknown key id" for f in request.trail)

    def test_embedded_and_linked_keys_are_not_used(self, world: Any, good: str) -> None:
        mine = keys.SigningKey(ec.generate_private_key(ec.SECP256R1()))
        own = keys.VerificationKey(mine.kid, mine.key.public_key()).jwk()
        for kid in (world.signing_key.kid, mine.kid, None):
            for more in (
                {"jwk": own},
                {"jku": "https://attacker.example"},
                {"x5c": ["AAAA"]},
                {"x5u": "https://a"},
            ):
                headers = more | ({"kid": kid} if kid else {})
                forged = jwt.encode(parts(good)[1], mine.key, "ES256", headers=headers)
                assert refused(world.bearer(forged)[0]).startswith("[invalid bearer token, ")

    def test_critical_extensions_nobody_understands(self, world: Any, good: str) -> None:
        claims = parts(good)[1]
        for critical in (["exp"], ["b64"], "b64", [], None):
            header = {"alg": "RS256", "kid": world.signing_key.kid, "crit": critical, "b64": False}
            signing_input = f"{b64(header)}.{b64(claims)}"
            signature = jws.raw_signature(world.signing_key.key, signing_input.encode())
            assert isinstance(world.bearer(f"{signing_input}.{b64(signature)}")[0], Refusal)

    @pytest.mark.parametrize(
        ("offset", "text"),
        [
            ({"exp": -61}, "service account token has expired"),
            ({"nbf": 61}, "service account token is not valid yet"),
            ({"iat": 61}, "service account token is issued in the future"),
        ],
    )
    def test_a_second_beyond_the_leeway(self, world: Any, good: str, offset: Any, text: str) -> None:
        now, claims = int(world.clock.now()), parts(good)[1]
        sign = world.signing_key.sign
        ((name, seconds),) = offset.items()
        late = sign(json.dumps(claims | {name: now + seconds}).encode())
        assert refused(world.bearer(late)[0]) == f"[invalid bearer token, {text}]"
        nearer = seconds + (1 if seconds < 0 else -1)
        in_time = sign(json.dumps(claims | {name: now + nearer}).encode())
        assert isinstance(world.bearer(in_time)[0], Identity)

    @pytest.mark.parametrize(
        "value", ["tomorrow", True, [], {}, "9999999999"], ids=["text", "bool", "list", "object", "digits"]
    )
    def test_times_that_are_no_numbers(self, world: Any, good: str, value: Any) -> None:
        claims = parts(good)[1] | {"exp": value}
        assert isinstance(world.bearer(world.signing_key.sign(json.dumps(claims).encode()))[0], Refusal)

    @pytest.mark.parametrize(
        "issuer",
        ["https://other.example", "", "HTTPS://KUBERNETES.DEFAULT.SVC.CLUSTER.LOCAL", None, ["x"], 5],
    )
    def test_other_issuers_are_nobodys_tokens(self, world: Any, good: str, issuer: Any) -> None:
        claims = parts(good)[1] | {"iss": issuer}
        outcome, _ = world.bearer(world.signing_key.sign(json.dumps(claims).encode()))
        assert refused(outcome) == "invalid bearer token"

    def test_repeated_claims(self, world: Any, good: str) -> None:
        payload = json.dumps(parts(good)[1])
        for twice in ('{"sub":"system:serviceaccount:kube-system:admin",', '{"iss":"https://other.example",'):
            token = world.signing_key.sign((twice + payload[1:]).encode())
            assert "duplicate key" in refused(world.bearer(token)[0])
        nested = payload.replace('"namespace":', '"namespace": "kube-system", "namespace":')
        assert "duplicate key" in refused(world.bearer(world.signing_key.sign(nested.encode()))[0])

    def test_tokens_of_another_cluster(self, world: Any, good: str) -> None:
        theirs = keys.SigningKey(rsa.generate_private_key(65537, 2048))
        assert refused(world.bearer(world.bound(signer=theirs))[0]) == f"[invalid bearer token, {NO_KEYS}]"
        header, claims, _ = parts(world.bound(signer=theirs))
        signing_input = f"{b64(header | {'kid': world.signing_key.kid})}.{b64(claims)}"
        signature = jwt.api_jws.encode(b"x", theirs.key, "RS256").rsplit(".", 1)[1]
        assert CRYPTO in refused(world.bearer(f"{signing_input}.{signature}")[0])

    def test_every_changed_letter_is_noticed(self, world: Any, good: str) -> None:
        for i in range(0, len(good), 7):
            changed = good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1 :]
            outcome, _ = world.bearer(changed)
            # the last letter of a part has bits that do not count
            if i + 1 < len(good) and good[i + 1] != ".":
                assert isinstance(outcome, Refusal), i

    @pytest.mark.parametrize("change", ["x", "=", "==", ".", ".x", "\n", "%00", "\u200b"])
    def test_what_is_added_at_the_end(self, world: Any, good: str, change: str) -> None:
        outcome, _ = world.bearer(good + change)
        if change == "\n":
            assert isinstance(outcome, Identity)  # blanks around the header's value are no part of it
        else:
            assert isinstance(outcome, Refusal)

    def test_oversized_tokens(self, world: Any, good: str) -> None:
        claims = parts(good)[1] | {"padding": "x" * 1_000_000}
        start = time.perf_counter()
        for token in ("a" * 1_000_000, "a." * 500_000, "." * 1_000_000, f"{b64(claims)}." * 2):
            assert isinstance(world.bearer(token)[0], Refusal)
        nested = b64(b"[" * 200_000)
        assert isinstance(world.bearer(f"{nested}.{nested}.x")[0], Refusal)
        assert time.perf_counter() - start < 1.0

    @pytest.mark.parametrize(
        "user", ["system:masters", "system:serviceaccount:kube-system:x:y", "", "a\u0000b"]
    )
    def test_legacy_claims_cannot_name_others(self, world: Any, user: str) -> None:
        from sekisho.credentials import tokens

        claims = {
            "iss": tokens.LEGACY_ISSUER,
            "sub": user,
            tokens.LEGACY_NAMESPACE: "kube-system",
            tokens.LEGACY_SECRET: "s",
            tokens.LEGACY_NAME: "x",
            tokens.LEGACY_UID: "u",
        }
        assert isinstance(world.bearer(world.signing_key.sign(json.dumps(claims).encode()))[0], Refusal)

    @pytest.mark.parametrize(
        "private", [None, [], "x", {}, {"serviceaccount": "s2"}, {"namespace": 5, "pod": 7}]
    )
    def test_misshapen_private_claims(self, world: Any, good: str, private: Any) -> None:
        claims = parts(good)[1] | {"kubernetes.io": private}
        assert isinstance(world.bearer(world.signing_key.sign(json.dumps(claims).encode()))[0], Refusal)

    @pytest.mark.parametrize("audience", [None, 5, [5], {}, [[]], ""])
    def test_misshapen_audiences(self, world: Any, good: str, audience: Any) -> None:
        claims = parts(good)[1] | {"aud": audience}
        outcome, _ = world.bearer(world.signing_key.sign(json.dumps(claims).encode()))
        if audience is None:  # upstream takes a token without audiences for all
            assert isinstance(outcome, Identity)
        else:
            assert isinstance(outcome, Refusal)


def certificate(
    authority: Authority,
    subject: list[tuple[x509.ObjectIdentifier, str]],
    *,
    start: float = -60,
    end: float = 3600,
    usages: list[x509.ObjectIdentifier] | None = None,
    ca: bool = False,
    now: float,
    extra: list[tuple[x509.ExtensionType, bool]] | None = None,
    key: Any = None,
) -> tuple[x509.Certificate, Any]:
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(o, v) for o, v in subject]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(moment(now + start))
        .not_valid_after(moment(now + end))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    chosen = [ExtendedKeyUsageOID.CLIENT_AUTH] if usages is None else usages
    if chosen:
        builder = builder.add_extension(x509.ExtendedKeyUsage(chosen), critical=False)
    for extension, critical in extra or []:
        builder = builder.add_extension(extension, critical)
    return builder.sign(authority.key, hashes.SHA256()), key


ALICE = [(NameOID.COMMON_NAME, "alice")]
MASTER = [(NameOID.ORGANIZATION_NAME, "system:masters"), (NameOID.COMMON_NAME, "alice")]


def der(*certificates: x509.Certificate) -> tuple[bytes, ...]:
    return tuple(c.public_bytes(serialization.Encoding.DER) for c in certificates)


class TestCertificates:
    def ask(self, world: Any, *chain: x509.Certificate) -> Any:
        return world.ask([], der(*chain))[0]

    def made(self, world: Any, subject: Any = ALICE, **more: Any) -> x509.Certificate:
        return certificate(world.pki.authority(), subject, now=world.clock.now(), **more)[0]

    def test_another_authority_of_the_same_name(self, world: Any) -> None:
        other = pki.create(pki.ServingNames(), world.clock.now()).authority()
        leaf, _ = certificate(other, MASTER, now=world.clock.now())
        for chain in ((leaf,), (leaf, other.certificate)):
            text = refused(self.ask(world, *chain))
            assert UNKNOWN in text
            assert "while trying to verify candidate authority certificate" in text

    @pytest.mark.parametrize(
        ("more", "text"),
        [
            ({"end": -1, "start": -100}, "x509: certificate has expired or is not yet valid: current time"),
            ({"start": 1}, "x509: certificate has expired or is not yet valid: current time"),
            (
                {"usages": [ExtendedKeyUsageOID.SERVER_AUTH]},
                "x509: certificate specifies an incompatible key usage",
            ),
            (
                {"usages": [ExtendedKeyUsageOID.CODE_SIGNING]},
                "x509: certificate specifies an incompatible key usage",
            ),
            (
                {
                    "extra": [
                        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
                    ]
                },
                "x509: unhandled critical extension",
            ),
        ],
    )
    def test_certificates_that_are_no_good(self, world: Any, more: Any, text: str) -> None:
        reason = refused(self.ask(world, self.made(world, **more)))
        assert "verifying certificate SN=5, SKID=, AKID= failed: " in reason
        assert text in reason

    def test_good_usages(self, world: Any) -> None:
        for usages in ([], [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], [ExtendedKeyUsageOID.CLIENT_AUTH]):
            assert isinstance(self.ask(world, self.made(world, usages=usages)), Identity)

    def test_time_is_looked_at_again_on_each_request(self, world: Any) -> None:
        leaf = self.made(world, end=10)
        assert isinstance(self.ask(world, leaf), Identity)
        world.clock.time += 11
        assert "is after" in refused(self.ask(world, leaf))
        world.clock.time -= 100
        assert "is before" in refused(self.ask(world, leaf))
        world.clock.time += 95
        assert isinstance(self.ask(world, leaf), Identity)

    def test_a_leaf_cannot_sign(self, world: Any) -> None:
        now = world.clock.now()
        leaf, key = certificate(world.pki.authority(), ALICE, now=now)
        forged, _ = certificate(Authority(leaf, key), MASTER, now=now)
        text = refused(self.ask(world, forged, leaf))
        assert "parent certificate cannot sign this kind of certificate" in text

    def test_intermediates(self, world: Any) -> None:
        now = world.clock.now()
        name = [(NameOID.COMMON_NAME, "middle")]
        middle, key = certificate(world.pki.authority(), name, ca=True, usages=[], now=now)
        leaf, _ = certificate(Authority(middle, key), ALICE, now=now)
        assert isinstance(self.ask(world, leaf, middle), Identity)
        assert UNKNOWN in refused(self.ask(world, leaf))
        narrow, narrow_key = certificate(
            world.pki.authority(), name, ca=True, usages=[ExtendedKeyUsageOID.SERVER_AUTH], now=now
        )
        leaf, _ = certificate(Authority(narrow, narrow_key), ALICE, now=now)
        assert "incompatible key usage" in refused(self.ask(world, leaf, narrow))
        old, old_key = certificate(world.pki.authority(), name, ca=True, usages=[], end=-1, start=-9, now=now)
        leaf, _ = certificate(Authority(old, old_key), ALICE, now=now)
        assert "has expired" in refused(self.ask(world, leaf, old))

    def test_a_loop_of_authorities_ends(self, world: Any) -> None:
        now = world.clock.now()
        key_a, key_b = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        names = {"a": [(NameOID.COMMON_NAME, "a")], "b": [(NameOID.COMMON_NAME, "b")]}
        seed, _ = certificate(world.pki.authority(), names["b"], ca=True, usages=[], now=now, key=key_b)
        a, _ = certificate(Authority(seed, key_b), names["a"], ca=True, usages=[], now=now, key=key_a)
        b, _ = certificate(Authority(a, key_a), names["b"], ca=True, usages=[], now=now, key=key_b)
        leaf, _ = certificate(Authority(a, key_a), ALICE, now=now)
        many = [
            certificate(Authority(a, key_a), names["b"], ca=True, usages=[], now=now, key=key_b)[0]
            for _ in range(20)
        ]
        start = time.perf_counter()
        assert UNKNOWN in refused(self.ask(world, leaf, a, b))
        assert isinstance(self.ask(world, leaf, a, b, *many), Refusal)
        assert time.perf_counter() - start < 2.0

    def test_the_authority_itself_as_a_client(self, world: Any) -> None:
        root = world.pki.authority().certificate
        outcome = self.ask(world, root)
        assert isinstance(outcome, Identity)  # as in Go, where a root verifies as its own chain
        assert outcome.user.name == "kubernetes"
        assert "system:masters" not in outcome.user.groups

    @pytest.mark.parametrize("junk", [b"", b"\x30", b"garbage" * 100, b"\x30\x82\xff\xff" + b"\x00" * 50])
    def test_junk(self, world: Any, junk: bytes) -> None:
        outcome, request = world.ask([], (junk,))
        assert "x509: malformed certificate" in refused(outcome)
        assert request.trail[-1].text == "the certificate cannot be read"
        leaf = self.made(world)
        assert isinstance(world.ask([], (*der(leaf), junk))[0], Refusal)

    @pytest.mark.parametrize(
        ("subject", "user", "groups"),
        [
            (
                [(NameOID.COMMON_NAME, "admin"), (NameOID.COMMON_NAME, "eve")],
                "eve",
                ("system:authenticated",),
            ),
            (
                [(NameOID.COMMON_NAME, "kubernetes-admin\u200b")],
                "kubernetes-admin\u200b",
                ("system:authenticated",),
            ),
            ([(NameOID.COMMON_NAME, "Аlice")], "Аlice", ("system:authenticated",)),
            (
                [(NameOID.COMMON_NAME, "a"), (NameOID.ORGANIZATION_NAME, "System:Masters")],
                "a",
                ("System:Masters", "system:authenticated"),
            ),
            (
                [(NameOID.ORGANIZATION_NAME, "x,system:masters"), (NameOID.COMMON_NAME, "a")],
                "a",
                ("x,system:masters", "system:authenticated"),
            ),
            ([(NameOID.COMMON_NAME, "system:anonymous")], "system:anonymous", ()),
            (
                [(NameOID.COMMON_NAME, "a"), (NameOID.ORGANIZATION_NAME, "system:unauthenticated")],
                "a",
                ("system:unauthenticated",),
            ),
        ],
    )
    def test_names_are_taken_as_they_are(self, world: Any, subject: Any, user: str, groups: Any) -> None:
        outcome = self.ask(world, self.made(world, subject))
        assert isinstance(outcome, Identity)
        assert (outcome.user.name, outcome.user.groups) == (user, groups)

    def test_uids(self, world: Any) -> None:
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")
        one = self.ask(world, self.made(world, [*ALICE, (oid, "u-1")]))
        assert one.user.uid == "u-1"
        two = self.ask(world, self.made(world, [*ALICE, (oid, "u-1"), (oid, "u-2")]))
        assert "expected 1 UID, but found multiple: [u-1 u-2]" in refused(two)

    def test_new_roots_count_at_once(self, world: Any) -> None:
        leaf = self.made(world)
        assert isinstance(self.ask(world, leaf), Identity)
        other = pki.create(pki.ServingNames(), world.clock.now())
        world.options.client_roots.replace(other.ca.certificate)
        assert isinstance(self.ask(world, leaf), Refusal)
        with pytest.raises(ValueError, match=r"PEM"):
            world.options.client_roots.replace(b"nothing")
        world.options.client_roots.replace(other.ca.certificate + world.pki.ca.certificate)
        assert isinstance(self.ask(world, leaf), Identity)

    def test_the_subject_of_a_signed_request_cannot_smuggle(self, world: Any) -> None:
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, "a"), x509.NameAttribute(NameOID.COMMON_NAME, "b")]
        )
        assert subjects.common_name(subjects.rewritten(name)) == "b"


class TestHeaders:
    @pytest.mark.parametrize(
        "name",
        [
            "X-Remote-User",
            "x-remote-user",
            "X_Remote_User",
            "X-Remote-Extra-Scopes",
            "X-Remote-Group",
        ],
    )
    def test_nobody_but_the_proxy_is_believed(self, world: Any, name: str) -> None:
        smuggled = [(name, "root"), ("X-Remote-Group", "system:masters")]
        for headers, chain, user in (
            (smuggled, None, "system:anonymous"),
            (smuggled, world.client("bob"), "bob"),
            ([*smuggled, ("Authorization", "Bearer static-token-2")], None, "dave"),
        ):
            outcome, request = world.ask(headers, chain)
            assert isinstance(outcome, Identity)
            assert outcome.user.name == user
            assert "system:masters" not in outcome.user.groups
            assert not [
                k for k, _ in request.headers if k.startswith((b"x-remote-", b"authorization"))
            ] or user == ("system:anonymous")

    def test_a_stolen_name_is_not_the_proxys_certificate(self, world: Any) -> None:
        leaf, _ = certificate(
            world.pki.authority(), [(NameOID.COMMON_NAME, "front-proxy-client")], now=world.clock.now()
        )
        outcome, _ = world.ask([("X-Remote-User", "root"), ("X-Remote-Group", "system:masters")], der(leaf))
        assert isinstance(outcome, Identity)
        assert outcome.user.name == "front-proxy-client"

    def test_an_expired_proxy_is_not_believed(self, world: Any, chain_of: Any) -> None:
        proxy = chain_of(world.pki.front_proxy_client)
        assert isinstance(world.ask([("X-Remote-User", "erin")], proxy)[0], Identity)
        world.clock.time += 400 * 86400
        assert isinstance(world.ask([("X-Remote-User", "erin")], proxy)[0], Refusal)

    @pytest.mark.parametrize(
        "values",
        [
            ["Bearer nope", "Bearer static-token-1"],
            ["Bearer nope, Bearer static-token-1"],
            ["Bearer nope\x00", "Bearer static-token-1"],
            ["bearer static-token-1\u200b"],
        ],
    )
    def test_the_second_header_does_not_count(self, world: Any, values: list[str]) -> None:
        outcome, _ = world.ask([("Authorization", v) for v in values])
        assert refused(outcome) == "invalid bearer token"

    @pytest.mark.parametrize(
        "token",
        [
            "Static-Token-1",
            "static-token-\uff11",
            "static\u2010token\u20101",
            "static-token-1\u0301",
            "\ufeffstatic-token-1",
        ],
    )
    def test_tokens_are_compared_letter_by_letter(self, world: Any, token: str) -> None:
        assert refused(world.bearer(token)[0]) == "invalid bearer token"

    @pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80", b"\x80" * 100])
    def test_bytes_that_are_no_text(self, world: Any, raw: bytes, chain_of: Any) -> None:
        import asyncio

        import orjson

        from sekisho.authn.interface import AuthnRequest

        for header, chain in (
            ((b"authorization", b"Bearer " + raw), None),
            ((b"x-remote-user", raw), chain_of(world.pki.front_proxy_client)),
            ((b"sec-websocket-protocol", b"base64url.bearer.authorization.k8s.io." + raw + b", x"), None),
        ):
            request = AuthnRequest([header], chain, websocket_upgrade=True)
            outcome = asyncio.run(world.gate.authenticate(request))
            if isinstance(outcome, Identity):
                orjson.dumps(outcome.user.to_object())


class TestTiming:
    def test_comparisons_do_not_tell_where_tokens_differ(self, world: Any) -> None:
        """Static tokens are found by keyed hash, bootstrap and legacy secrets by constant-time comparison: a
        guess that begins right takes no longer than one that begins wrong (medians, wide tolerance)."""
        from statistics import median

        from sekisho.credentials import bootstrap_tokens, tokens

        secret = "s" * 4000

        def measure(guess: str) -> float:
            times = []
            for _ in range(300):
                start = time.perf_counter_ns()
                for _ in range(20):
                    tokens.same_token(secret, guess)
                    bootstrap_tokens.same(secret, guess)
                times.append(time.perf_counter_ns() - start)
            return median(times)

        early, late = "x" + secret[1:], secret[:-1] + "x"
        ratio = measure(late) / measure(early)
        assert 0.6 < ratio < 1.7
        file = world.options.token_file
        assert not any("static-token" in str(key) for key in vars(file).values())
