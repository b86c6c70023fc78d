"""What is wrong with the flags of authentication and authorization, in kube-apiserver's words, before anything
starts; and the flags in the form that the libraries take."""

from __future__ import annotations

import urllib.parse
from collections import Counter
from collections.abc import Iterator

from sekisho.api.goformat import quote
from sekisho.authn import webhook
from sekisho.authn.authentication_config import JWTConfig, of_flags
from sekisho.authn.frontproxy import FrontProxyHeaders
from sekisho.authz import config as authz_config
from sekisho.authz.softmode import Scopes
from sekisho.config import DEFAULT_MODES, Config, ConfigError
from sekisho.server.oidc_discovery import jwks_uri_error

_LEAST_EXPIRATION, _MOST_EXPIRATION = 3600.0, float(1 << 32)
_KUBEADM_PROXY = "front-proxy-client"


def check(config: Config) -> None:
    """Raises ConfigError with a line for each problem."""
    errors = [
        *authz_config.flag_errors(authorization_flags(config)),
        *_webhook_version_errors(config),
        *_soft_mode_errors(config),
        *_oidc_errors(config),
        *_issuer_errors(config),
        *front_proxy_headers(config).errors(),
        *_serving_errors(config),
    ]
    if errors:
        raise ConfigError("\n".join(errors))


def authorization_flags(config: Config) -> authz_config.Flags:
    """The modes are Node and RBAC unless a configuration file stands in their place."""
    given = config.authorization_mode != DEFAULT_MODES
    authorized = config.authorization_webhook_cache_authorized_ttl
    unauthorized = config.authorization_webhook_cache_unauthorized_ttl
    version = config.authorization_webhook_version
    file = config.authorization_webhook_config_file
    return authz_config.Flags(
        modes=config.authorization_mode if given or config.authorization_config is None else None,
        config_file=config.authorization_config,
        policy_file=config.authorization_policy_file,
        webhook_config_file=file,
        webhook_version=version or "v1beta1",
        webhook_authorized_ttl=300.0 if authorized is None else authorized,
        webhook_unauthorized_ttl=30.0 if unauthorized is None else unauthorized,
        webhook_flags_given=bool(version or file) or authorized is not None or unauthorized is not None,
    )


def soft_mode_scopes(config: Config) -> Scopes:
    """Raises ConfigError."""
    try:
        return Scopes.parse(config.authorization_dry_run)
    except ValueError as error:
        raise ConfigError(f"--authorization-dry-run: {error}")


def front_proxy_headers(config: Config) -> FrontProxyHeaders:
    """kubeadm's names, unless flags say otherwise."""
    allowed = config.requestheader_allowed_names
    if allowed is None:
        allowed = () if config.requestheader_client_ca_file else (_KUBEADM_PROXY,)
    return FrontProxyHeaders(
        username=config.requestheader_username_headers,
        uid=config.requestheader_uid_headers,
        group=config.requestheader_group_headers,
        extra_prefix=config.requestheader_extra_headers_prefix,
        allowed_names=allowed,
    )


def oidc_issuer(config: Config) -> JWTConfig:
    """What the --oidc-* flags say. Raises ConfigError when the CA file cannot be read."""
    try:
        ca = config.oidc_ca_file.read_text() if config.oidc_ca_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"open {config.oidc_ca_file}: {getattr(error, 'strerror', None) or 'not text'}".lower()
        )
    return of_flags(
        config.oidc_issuer_url,
        config.oidc_client_id,
        username_claim=config.oidc_username_claim or "sub",
        username_prefix=config.oidc_username_prefix,
        groups_claim=config.oidc_groups_claim,
        groups_prefix=config.oidc_groups_prefix,
        required_claims=dict(_pair(text) for text in config.oidc_required_claim),
        ca=ca,
        algorithms=config.oidc_signing_algs or ("RS256",),
    )


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key.strip(), value.strip()


def oidc_flags_given(config: Config) -> bool:
    return any(
        (
            config.oidc_issuer_url,
            config.oidc_client_id,
            config.oidc_ca_file,
            config.oidc_username_claim,
            config.oidc_username_prefix,
            config.oidc_groups_claim,
            config.oidc_groups_prefix,
            config.oidc_required_claim,
            config.oidc_signing_algs,
        )
    )


def _oidc_errors(config: Config) -> Iterator[str]:
    given = oidc_flags_given(config)
    if config.authentication_config is not None:
        if given:
            yield "authentication-config file and oidc-* flags are mutually exclusive"
    elif given and not (config.oidc_issuer_url and config.oidc_client_id):
        yield "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set"
    for text in config.oidc_required_claim:
        if "=" not in text:
            yield f"--oidc-required-claim: {text} must be formatted as key=value"


def _webhook_version_errors(config: Config) -> Iterator[str]:
    version = config.authorization_webhook_version
    if version and version not in webhook.VERSIONS:
        known = ", ".join(map(quote, webhook.VERSIONS))
        yield f"unsupported webhook authorizer version {quote(version)}, supported versions are {known}"


def _soft_mode_errors(config: Config) -> Iterator[str]:
    try:
        soft_mode_scopes(config)
    except ConfigError as error:
        yield str(error)


def _issuer_errors(config: Config) -> Iterator[str]:
    if not config.service_account_issuer:
        yield "service-account-issuer is a required flag"
    for issuer, count in Counter(config.service_account_issuer).items():
        if not issuer:
            yield "service-account-issuer should not be an empty string"
        elif count > 1:
            yield f"service-account-issuer {quote(issuer)} is already specified"
        elif ":" in issuer and (problem := _url_error(issuer)):
            yield f"service-account-issuer {quote(issuer)} contained a ':' but was not a valid URL: {problem}"
    if config.service_account_jwks_uri and (problem := jwks_uri_error(config.service_account_jwks_uri)):
        yield problem
    longest = config.service_account_max_token_expiration
    if longest and not _LEAST_EXPIRATION <= longest <= _MOST_EXPIRATION:
        yield "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds"


def _url_error(text: str) -> str:
    try:
        urllib.parse.urlsplit(text)
    except ValueError as error:
        return str(error)
    return ""


def _serving_errors(config: Config) -> Iterator[str]:
    if (config.tls_cert_file is None) != (config.tls_private_key_file is None):
        yield "--tls-cert-file and --tls-private-key-file must be specified together"
