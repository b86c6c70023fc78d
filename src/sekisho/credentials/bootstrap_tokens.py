"""Bootstrap tokens: the Secrets that hold them, and the signatures on the cluster-info ConfigMap.

Shared by the authenticator, the signer and the cleaner, so that all three agree on what a usable token is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from sekisho.api.time import parse_time
from sekisho.api.types import Object
from sekisho.credentials.jws import encode_base64url

NAMESPACE = "kube-system"
SECRET_TYPE = "bootstrap.kubernetes.io/token"
SECRET_PREFIX = "bootstrap-token-"
DEFAULT_GROUP = "system:bootstrappers"
USER_PREFIX = "system:bootstrap:"
SIGNATURE_PREFIX = "jws-kubeconfig-"
AUTHENTICATION = "usage-bootstrap-authentication"
SIGNING = "usage-bootstrap-signing"
_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class BootstrapToken:
    id: str
    secret: str

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"


def parse(text: str) -> BootstrapToken | None:
    match = _TOKEN.fullmatch(text)
    return BootstrapToken(match[1], match[2]) if match else None


def generate() -> BootstrapToken:
    def letters(count: int) -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(count))

    return BootstrapToken(letters(6), letters(16))


def secret_name(token_id: str) -> str:
    return SECRET_PREFIX + token_id


def data(secret: Object) -> dict[str, str]:
    """The Secret's data decoded; entries that are not base64 are left out."""
    out: dict[str, str] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            out[key] = base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
        except (binascii.Error, TypeError, ValueError):
            continue
    return out


def expired(values: Mapping[str, str], now: float) -> bool:
    """Past its `expiration`; a time that does not parse counts as past, none at all as never."""
    text = values.get("expiration", "")
    if not text:
        return False
    try:
        return parse_time(text) < now
    except ValueError:
        return True


def extra_groups(values: Mapping[str, str]) -> list[str] | None:
    """`auth-extra-groups` split at commas; None when one of them is not allowed."""
    text = values.get("auth-extra-groups", "")
    groups = text.split(",") if text else []
    return groups if all(_GROUP.fullmatch(g) for g in groups) else None


def groups(values: Mapping[str, str]) -> tuple[str, ...] | None:
    """Sorted groups of a token's user, the default one included."""
    extra = extra_groups(values)
    return None if extra is None else tuple(sorted({DEFAULT_GROUP, *extra}))


def same(one: str, other: str) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")
    )


def new_secret(
    token: BootstrapToken,
    *,
    expiration: str = "",
    description: str = "",
    groups: Iterable[str] = (),
    usages: Iterable[str] = ("authentication", "signing"),
) -> Object:
    """The Secret that makes `token` valid. `expiration` is RFC 3339; empty means never."""
    values = {"auth-extra-groups": ",".join(groups), "description": description, "expiration": expiration}
    values |= {"token-id": token.id, "token-secret": token.secret}
    values |= {f"usage-bootstrap-{usage}": "true" for usage in usages}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name(token.id), "namespace": NAMESPACE},
        "data": {k: base64.b64encode(v.encode()).decode() for k, v in sorted(values.items()) if v},
        "type": SECRET_TYPE,
    }


def signing_secret(secret: Object, now: float) -> BootstrapToken | None:
    """The token a Secret lets the signer use; None when it is not meant for that or no longer good."""
    values = data(secret)
    token_id, token_secret = values.get("token-id", ""), values.get("token-secret", "")
    name = secret.get("metadata", {}).get("name", "")
    if secret.get("type") != SECRET_TYPE or not name.startswith(SECRET_PREFIX):
        return None
    if not token_id or name != secret_name(token_id) or not token_secret:
        return None
    if expired(values, now) or values.get(SIGNING) != "true":
        return None
    return BootstrapToken(token_id, token_secret)


def detached_signature(content: str, token: BootstrapToken) -> str:
    """`<header>..<signature>` over `content` (RFC 7797's detached form), keyed with the secret half."""
    header = encode_base64url(orjson.dumps({"alg": "HS256", "kid": token.id}))
    signing_input = f"{header}.{encode_base64url(content.encode())}".encode("ascii")
    signature = hmac.new(token.secret.encode(), signing_input, hashlib.sha256).digest()
    return f"{header}..{encode_base64url(signature)}"


def signed_data(current: Mapping[str, str], tokens: Iterable[BootstrapToken]) -> dict[str, str]:
    """The data of cluster-info with just the signatures of `tokens`; unchanged without a kubeconfig."""
    if "kubeconfig" not in current:
        return dict(current)
    out = {k: v for k, v in current.items() if not k.startswith(SIGNATURE_PREFIX)}
    for token in tokens:
        out[SIGNATURE_PREFIX + token.id] = detached_signature(current["kubeconfig"], token)
    return out
