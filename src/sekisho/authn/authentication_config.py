"""AuthenticationConfiguration files (apiserver.config.k8s.io): reading them strictly into plain dataclasses.

What a field may say is checked in `authentication_validation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sekisho.api.goformat import quote
from sekisho.schema.configfile import (
    BOOL,
    GROUP,
    STRING,
    ConfigFileError,
    document,
    list_of,
    struct,
)
from sekisho.schema.configfile import load as load_document

VERSIONS = ("v1", "v1beta1", "v1alpha1")
KIND = "AuthenticationConfiguration"


class ConfigError(ValueError):
    """A configuration the server cannot start with, or that a running one does not take."""


@dataclass(frozen=True, slots=True)
class Issuer:
    url: str = ""
    discovery_url: str = ""
    certificate_authority: str = ""
    audiences: tuple[str, ...] = ()
    audience_match_policy: str = ""
    egress_selector_type: str = ""


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """A claim with the value it must have, or an expression."""

    claim: str = ""
    required_value: str = ""
    expression: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """Where a value comes from; `prefix` None is not given at all."""

    claim: str = ""
    prefix: str | None = None
    expression: str = ""


@dataclass(frozen=True, slots=True)
class ExtraMapping:
    key: str = ""
    value_expression: str = ""


@dataclass(frozen=True, slots=True)
class UserRule:
    expression: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class JWTConfig:
    """One issuer whose tokens are accepted. `algorithms` None allows all that the file form allows."""

    issuer: Issuer
    claim_rules: tuple[ClaimRule, ...] = ()
    username: ClaimMapping = field(default_factory=ClaimMapping)
    groups: ClaimMapping = field(default_factory=ClaimMapping)
    uid: ClaimMapping = field(default_factory=ClaimMapping)
    extra: tuple[ExtraMapping, ...] = ()
    user_rules: tuple[UserRule, ...] = ()
    algorithms: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AnonymousConfig:
    enabled: bool = False
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthenticationConfig:
    """`anonymous` None leaves the flag's word alone."""

    jwt: tuple[JWTConfig, ...] = ()
    anonymous: AnonymousConfig | None = None


_PREFIXED = struct("PrefixedClaimOrExpression", claim=STRING, prefix=STRING, expression=STRING)
_PLAIN = struct("ClaimOrExpression", claim=STRING, expression=STRING)
_CONFIGURATION = document(
    KIND,
    jwt=list_of(
        struct(
            "JWTAuthenticator",
            issuer=struct(
                "Issuer",
                url=STRING,
                discoveryURL=STRING,
                certificateAuthority=STRING,
                audiences=list_of(STRING),
                audienceMatchPolicy=STRING,
                egressSelectorType=STRING,
            ),
            claimValidationRules=list_of(
                struct(
                    "ClaimValidationRule",
                    claim=STRING,
                    requiredValue=STRING,
                    expression=STRING,
                    message=STRING,
                )
            ),
            claimMappings=struct(
                "ClaimMappings",
                username=_PREFIXED,
                groups=_PREFIXED,
                uid=_PLAIN,
                extra=list_of(struct("ExtraMapping", key=STRING, valueExpression=STRING)),
            ),
            userValidationRules=list_of(struct("UserValidationRule", expression=STRING, message=STRING)),
        )
    ),
    anonymous=struct(
        "AnonymousAuthConfig",
        enabled=BOOL,
        conditions=list_of(struct("AnonymousAuthCondition", path=STRING)),
    ),
)


def load(path: Path) -> AuthenticationConfig:
    """ConfigError with upstream's text when the file cannot be read or decoded."""
    prefix = f"failed to load authentication configuration from file {quote(str(path))}: "
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{prefix}open {path}: {(error.strerror or '').lower()}") from None
    except ConfigError as error:
        raise ConfigError(prefix + str(error)) from None


def parse(data: bytes) -> AuthenticationConfig:
    """YAML or JSON; unknown and repeated fields are errors. ConfigError otherwise."""
    if not data:
        raise ConfigError("empty config data")
    try:
        return _configuration(load_document(data, _CONFIGURATION, KIND, [f"{GROUP}/{v}" for v in VERSIONS]))
    except ConfigFileError as error:
        raise ConfigError(str(error)) from None


def _configuration(value: Mapping[str, Any]) -> AuthenticationConfig:
    anonymous = None
    if (given := value.get("anonymous")) is not None:
        paths = tuple(c.get("path", "") for c in given.get("conditions") or ())
        anonymous = AnonymousConfig(bool(given.get("enabled")), paths)
    return AuthenticationConfig(tuple(_jwt(item) for item in value.get("jwt") or ()), anonymous)


def _jwt(value: Mapping[str, Any]) -> JWTConfig:
    issuer, mappings = value.get("issuer") or {}, value.get("claimMappings") or {}
    return JWTConfig(
        Issuer(
            issuer.get("url", ""),
            issuer.get("discoveryURL", ""),
            issuer.get("certificateAuthority", ""),
            tuple(issuer.get("audiences") or ()),
            issuer.get("audienceMatchPolicy", ""),
            issuer.get("egressSelectorType", ""),
        ),
        tuple(
            ClaimRule(
                r.get("claim", ""), r.get("requiredValue", ""), r.get("expression", ""), r.get("message", "")
            )
            for r in value.get("claimValidationRules") or ()
        ),
        _mapping(mappings.get("username") or {}),
        _mapping(mappings.get("groups") or {}),
        _mapping(mappings.get("uid") or {}),
        tuple(
            ExtraMapping(e.get("key", ""), e.get("valueExpression", "")) for e in mappings.get("extra") or ()
        ),
        tuple(
            UserRule(r.get("expression", ""), r.get("message", ""))
            for r in value.get("userValidationRules") or ()
        ),
    )


def _mapping(value: Mapping[str, Any]) -> ClaimMapping:
    return ClaimMapping(value.get("claim", ""), value.get("prefix"), value.get("expression", ""))


def of_flags(
    issuer_url: str,
    client_id: str,
    *,
    username_claim: str = "sub",
    username_prefix: str = "",
    groups_claim: str = "",
    groups_prefix: str = "",
    required_claims: Mapping[str, str] | None = None,
    ca: str = "",
    algorithms: tuple[str, ...] = ("RS256",),
) -> JWTConfig:
    """What the --oidc-* flags say. ConfigError when one of issuer and client id is missing.

    An empty username prefix means the issuer and `#` for every claim but email; `-` means none.
    """
    if not issuer_url or not client_id:
        raise ConfigError(
            "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set"
        )
    prefix = username_prefix
    if prefix == "-" or (not prefix and username_claim == "email"):
        prefix = ""
    elif not prefix:
        prefix = f"{issuer_url}#"
    groups = ClaimMapping(groups_claim, groups_prefix) if groups_claim else ClaimMapping()
    rules = tuple(ClaimRule(claim, value) for claim, value in (required_claims or {}).items())
    return JWTConfig(
        Issuer(issuer_url, certificate_authority=ca, audiences=(client_id,)),
        rules,
        ClaimMapping(username_claim, prefix),
        groups,
        algorithms=algorithms,
    )
