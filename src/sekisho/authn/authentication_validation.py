"""What an AuthenticationConfiguration may say (k8s.io/apiserver/pkg/apis/apiserver/validation)."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Sequence

from cryptography import x509

from sekisho.api import names
from sekisho.api.field import ErrorList, FieldError, Path, duplicate, invalid, required, too_many
from sekisho.api.goformat import aggregate
from sekisho.authn.authentication_config import (
    AuthenticationConfig,
    ClaimMapping,
    ClaimRule,
    ConfigError,
    ExtraMapping,
    Issuer,
    JWTConfig,
    UserRule,
)
from sekisho.schema import cel
from sekisho.schema.cel import Shape

MAX_ISSUERS = 64
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")
_BOTH = "claim and expression can't both be set"
_NEITHER = "claim or expression is required"
_EMAIL = re.compile(r"\bclaims\s*(\.\s*email\b|\[\s*['\"]email['\"]\s*\])")
_EMAIL_VERIFIED = re.compile(r"\bclaims\s*(\.\s*\??\s*email_verified\b|\[\s*['\"]email_verified['\"]\s*\])")


def check(config: AuthenticationConfig, own_issuers: Sequence[str] = ()) -> None:
    """ConfigError `invalid authentication configuration: ...` unless everything is in order.

    `own_issuers` are the ServiceAccount issuers, which no JWT issuer may be.
    """
    errors = validate(config, own_issuers)
    if errors:
        raise ConfigError(f"invalid authentication configuration: {aggregate(map(str, errors))}")


def validate(config: AuthenticationConfig, own_issuers: Sequence[str] = ()) -> ErrorList:
    errors: ErrorList = []
    path = Path("jwt")
    if len(config.jwt) > MAX_ISSUERS:
        errors.append(too_many(path, len(config.jwt), MAX_ISSUERS))
    urls: set[str] = set()
    discoveries: set[str] = set()
    for i, jwt in enumerate(config.jwt):
        here = path.index(i)
        errors += validate_jwt(jwt, here, own_issuers)
        for value, seen, field in (
            (jwt.issuer.url, urls, "url"),
            (jwt.issuer.discovery_url, discoveries, "discoveryURL"),
        ):
            if value and value in seen:
                errors.append(duplicate(here.child("issuer", field), value))
            seen.add(value)
    anonymous = config.anonymous
    if anonymous is not None and not anonymous.enabled and anonymous.paths:
        conditions = [{"path": p} for p in anonymous.paths]
        text = "enabled should be set to true when conditions are defined"
        errors.append(invalid(Path("anonymous.conditions"), conditions, text))
    return errors


def validate_jwt(config: JWTConfig, path: Path, own_issuers: Sequence[str] = ()) -> ErrorList:
    errors = _validate_issuer(config.issuer, path.child("issuer"), own_issuers)
    errors += _validate_claim_rules(config.claim_rules, path.child("claimValidationRules"))
    errors += _validate_mappings(config, path.child("claimMappings"))
    errors += _validate_user_rules(config.user_rules, path.child("userValidationRules"))
    for algorithm in config.algorithms or ():
        if algorithm not in ALGORITHMS:
            raise ConfigError(f'oidc: unsupported signing alg: "{algorithm}"')
    return errors


def _validate_issuer(issuer: Issuer, path: Path, own_issuers: Sequence[str]) -> ErrorList:
    url_path = path.child("url")
    errors = [required(url_path)] if not issuer.url else _validate_url(issuer.url, url_path, own_issuers)
    if issuer.discovery_url:
        discovery_path = path.child("discoveryURL")
        if issuer.url.rstrip("/") == issuer.discovery_url.rstrip("/"):
            text = "discoveryURL must be different from URL"
            errors.append(invalid(discovery_path, issuer.discovery_url, text))
        errors += _validate_url(issuer.discovery_url, discovery_path, ())
    errors += _validate_audiences(issuer, path)
    if issuer.certificate_authority:
        try:
            x509.load_pem_x509_certificates(issuer.certificate_authority.encode())
        except ValueError:
            text = "data does not contain any valid RSA or ECDSA certificates"
            errors.append(invalid(path.child("certificateAuthority"), "<omitted>", text))
    if issuer.egress_selector_type not in ("", "controlplane", "cluster"):
        text = "egress selector must be either controlplane or cluster"
        errors.append(invalid(path.child("egressSelectorType"), issuer.egress_selector_type, text))
    return errors


def _validate_url(text: str, path: Path, disallowed: Sequence[str]) -> ErrorList:
    errors: ErrorList = []
    if text in disallowed:
        listed = " ".join(sorted(set(disallowed)))
        errors.append(invalid(path, text, f"URL must not overlap with disallowed issuers: [{listed}]"))
    try:
        url = urllib.parse.urlsplit(text)
    except ValueError as error:
        return [*errors, invalid(path, text, str(error))]
    for bad, problem in (
        (url.scheme != "https", "URL scheme must be https"),
        ("@" in url.netloc, "URL must not contain a username or password"),
        ("?" in text, "URL must not contain a query"),
        ("#" in text, "URL must not contain a fragment"),
    ):
        if bad:
            errors.append(invalid(path, text, problem))
    return errors


def _validate_audiences(issuer: Issuer, path: Path) -> ErrorList:
    here, policy = path.child("audiences"), issuer.audience_match_policy
    if not issuer.audiences:
        return [required(here, f"at least one {here} is required")]
    errors: ErrorList = []
    for i, audience in enumerate(issuer.audiences):
        if not audience:
            errors.append(required(here.index(i)))
        if audience in issuer.audiences[:i]:
            errors.append(duplicate(here.index(i), audience))
    policy_path = path.child("audienceMatchPolicy")
    if len(issuer.audiences) > 1 and policy != "MatchAny":
        text = "audienceMatchPolicy must be MatchAny for multiple audiences"
        errors.append(invalid(policy_path, policy, text))
    if len(issuer.audiences) == 1 and policy not in ("", "MatchAny"):
        text = "audienceMatchPolicy must be empty or MatchAny for single audience"
        errors.append(invalid(policy_path, policy, text))
    return errors


def _validate_claim_rules(rules: Sequence[ClaimRule], path: Path) -> ErrorList:
    errors: ErrorList = []
    for i, rule in enumerate(rules):
        here = path.index(i)
        if rule.claim and rule.expression:
            errors.append(invalid(here, rule.claim, _BOTH))
        elif rule.claim:
            if rule.message:
                errors.append(
                    invalid(here.child("message"), rule.message, "may not be specified when claim is set")
                )
            if any(r.claim == rule.claim for r in rules[:i]):
                errors.append(duplicate(here.child("claim"), rule.claim))
        elif rule.expression:
            if rule.required_value:
                text = "may not be specified when expression is set"
                errors.append(invalid(here.child("requiredValue"), rule.required_value, text))
            if any(r.expression == rule.expression for r in rules[:i]):
                errors.append(duplicate(here.child("expression"), rule.expression))
            errors += _compile_errors(here.child("expression"), rule.expression, "claims", Shape.BOOL)
        else:
            errors.append(required(here, _NEITHER))
    return errors


def _validate_mappings(config: JWTConfig, path: Path) -> ErrorList:
    username = path.child("username")
    errors: ErrorList = []
    if not config.username.claim and not config.username.expression:
        errors.append(required(username, _NEITHER))
    else:
        errors += _validate_prefixed(config.username, username)
    errors += _validate_prefixed(config.groups, path.child("groups"))
    uid = path.child("uid")
    if config.uid.claim and config.uid.expression:
        errors.append(invalid(uid, "", _BOTH))
    if config.uid.expression:
        errors += _compile_errors(uid.child("expression"), config.uid.expression, "claims")
    errors += _validate_extra(config.extra, path.child("extra"))
    problem = _unverified_email(config)
    if problem:
        errors.append(invalid(username.child("expression"), config.username.expression, problem))
    return errors


def _validate_prefixed(mapping: ClaimMapping, path: Path) -> ErrorList:
    errors: ErrorList = []
    if mapping.claim and mapping.expression:
        errors.append(invalid(path, "", _BOTH))
    if mapping.expression:
        if mapping.prefix is not None:
            text = "may not be specified when expression is set"
            errors.append(invalid(path.child("prefix"), mapping.prefix, text))
        errors += _compile_errors(path.child("expression"), mapping.expression, "claims")
    if mapping.claim and mapping.prefix is None:
        text = "prefix is required when claim is set. It can be set to an empty string to disable prefixing"
        errors.append(required(path.child("prefix"), text))
    if mapping.prefix and not mapping.claim and not mapping.expression:
        text = "may not be specified when claim is not set"
        errors.append(invalid(path.child("prefix"), mapping.prefix, text))
    return errors


def _validate_extra(mappings: Sequence[ExtraMapping], path: Path) -> ErrorList:
    errors: ErrorList = []
    for i, mapping in enumerate(mappings):
        here = path.index(i)
        key = here.child("key")
        errors += names.domain_prefixed_path_errors(key, mapping.key)
        if mapping.key:
            domain = mapping.key.split("/", 1)[0]
            if mapping.key != mapping.key.lower():
                errors.append(invalid(key, mapping.key, "must be lowercase"))
            if any(domain == d or domain.endswith("." + d) for d in ("k8s.io", "kubernetes.io")):
                text = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"
                errors.append(invalid(key, mapping.key, text))
            if any(m.key == mapping.key for m in mappings[:i]):
                errors.append(duplicate(key, mapping.key))
        expression = here.child("valueExpression")
        if not mapping.value_expression:
            errors.append(required(expression))
        else:
            errors += _compile_errors(expression, mapping.value_expression, "claims")
    return errors


def _unverified_email(config: JWTConfig) -> str:
    """An email address counts as a name only where the issuer's word that it was verified is asked for."""
    if not _EMAIL.search(config.username.expression):
        return ""
    rules = (r.expression for r in config.claim_rules)
    places = (config.username.expression, *(e.value_expression for e in config.extra), *rules)
    if any(_EMAIL_VERIFIED.search(text) for text in places):
        return ""
    return (
        "claims.email_verified must be used in claimMappings.username.expression or "
        "claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used "
        "in claimMappings.username.expression"
    )


def _validate_user_rules(rules: Sequence[UserRule], path: Path) -> ErrorList:
    errors: ErrorList = []
    for i, rule in enumerate(rules):
        here = path.index(i).child("expression")
        if not rule.expression:
            errors.append(required(here))
            continue
        if any(r.expression == rule.expression for r in rules[:i]):
            errors.append(duplicate(here, rule.expression))
        errors += _compile_errors(here, rule.expression, "user", Shape.BOOL)
    return errors


def _compile_errors(path: Path, text: str, variable: str, wanted: Shape = Shape.ANY) -> list[FieldError]:
    try:
        cel.Environment({variable: Shape.OBJECT}).compile(text, wanted)
    except cel.CompileError as error:
        return [invalid(path, text, str(error))]
    except cel.CELUnavailable as error:
        raise ConfigError(str(error)) from None
    return []
