"""A cluster's authenticators over a dictionary of objects and a clock that stands still."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sekisho.api.types import Object
from sekisho.authn import factory
from sekisho.authn.frontproxy import FrontProxyHeaders
from sekisho.authn.gate import Gate
from sekisho.authn.interface import AuthnRequest, Outcome
from sekisho.authn.reviews import review_token
from sekisho.authn.tokenfile import TokenFile, parse
from sekisho.authn.verified import Roots
from sekisho.credentials import keys, pki, tokens
from sekisho.credentials.certificates import KeyPair, issue_client

ISSUER = "https://kubernetes.default.svc.cluster.local"
START = 1_800_000_000.0
PKI = pki.create(pki.ServingNames(), START)
RSA_KEY = keys.SigningKey(rsa.generate_private_key(65537, 2048))


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time - 1000.0

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Objects:
    """A Lookup over a dictionary."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str, str], Object] = {}

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.stored.get((resource, namespace, name))

    def list(self, resource: str, namespace: str) -> Sequence[Object]:
        return [o for (r, n, _), o in self.stored.items() if r == resource and namespace in ("", n)]

    def put(self, resource: str, namespace: str, name: str, uid: str = "", **more: Any) -> Object:
        metadata = {
            "name": name,
            "namespace": namespace,
            "uid": uid or f"{name}-uid",
            **more.pop("metadata", {}),
        }
        obj = {"metadata": metadata, **more}
        self.stored[(resource, namespace, name)] = obj
        return obj


def der_chain(*pairs: KeyPair) -> tuple[bytes, ...]:
    from cryptography.hazmat.primitives.serialization import Encoding

    return tuple(
        c.public_bytes(Encoding.DER) for p in pairs for c in x509.load_pem_x509_certificates(p.certificate)
    )


class World:
    issuer = ISSUER
    pki = PKI
    signing_key = RSA_KEY

    def __init__(self) -> None:
        self.clock = Clock()
        self.objects = Objects()
        self.touched: list[tuple[str, str]] = []
        self.options = factory.AuthnOptions(
            issuers=(ISSUER,),
            keys=keys.KeyRing([keys.VerificationKey(RSA_KEY.kid, RSA_KEY.key.public_key())]),
            client_roots=Roots(PKI.ca.certificate),
            front_proxy_roots=Roots(PKI.front_proxy_ca.certificate),
            front_proxy=FrontProxyHeaders(allowed_names=("front-proxy-client",)),
            token_file=TokenFile(
                parse('static-token-1,carol,carol-uid,"dev,ops"\nstatic-token-2,dave,dave-uid\n')
            ),
            bootstrap_tokens=True,
            touch_legacy_secret=self._touch,
        )
        self._built: factory.Authentication | None = None

    async def _touch(self, secret: Object, date: str) -> None:
        self.touched.append((secret["metadata"]["name"], date))

    @property
    def built(self) -> factory.Authentication:
        if self._built is None:
            self._built = factory.build(self.options, self.objects, self.clock)
        return self._built

    @property
    def gate(self) -> Gate:
        return self.built.gate

    def ask(
        self, headers: Sequence[tuple[str, str]] = (), chain: tuple[bytes, ...] | None = None, **more: Any
    ) -> tuple[Outcome, AuthnRequest]:
        raw = [(k.lower().encode(), v.encode("utf-8", "surrogateescape")) for k, v in headers]
        request = AuthnRequest(raw, chain, **more)
        return asyncio.run(self.gate.authenticate(request)), request  # type: ignore[arg-type]

    def bearer(self, token: str) -> tuple[Outcome, AuthnRequest]:
        return self.ask([("Authorization", f"Bearer {token}")])

    def review(self, token: str, audiences: Sequence[str] = ()) -> Object:
        spec: Object = {"token": token}
        if audiences:
            spec["audiences"] = list(audiences)
        status: Object = asyncio.run(review_token(self.gate, {"spec": spec}))["status"]
        return status

    def client(self, name: str, *groups: str, **more: Any) -> tuple[bytes, ...]:
        return der_chain(issue_client(PKI.authority(), name, groups, now=more.pop("now", START), **more))

    def account(self, namespace: str = "ns1", name: str = "s2", **more: Any) -> Object:
        return self.objects.put("serviceaccounts", namespace, name, **more)

    def bound(self, **changes: Any) -> str:
        now = int(self.clock.now())
        base: dict[str, Any] = {
            "issuer": ISSUER,
            "namespace": "ns1",
            "account": tokens.Ref("s2", "s2-uid"),
            "audiences": (ISSUER,),
            "issued_at": now,
            "expires": now + 3600,
            "token_id": "jti-1",
        }
        signer = changes.pop("signer", RSA_KEY)
        return tokens.sign_bound(signer, tokens.BoundClaims(**(base | changes)))

    def stamp(self, offset: float) -> str:
        moment = datetime.datetime.fromtimestamp(self.clock.now() + offset, datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def chain_of() -> Any:
    return der_chain
