"""The authenticators that a Config chooses, and which of their parts follow their files while the server runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sekisho.admission.interface import Lookup
from sekisho.api.clock import Clock, SystemClock
from sekisho.api.random import RandomSource
from sekisho.authn import authentication_config, authentication_validation, factory, frontproxy, webhook
from sekisho.authn.anonymous import AnonymousAuthenticator
from sekisho.authn.authentication_config import AnonymousConfig
from sekisho.authn.factory import Authentication, AuthnOptions
from sekisho.authn.issuers import Issuers, IssuersFile
from sekisho.authn.serviceaccount import Touch
from sekisho.authn.tokenfile import TokenFile, TokenFileError
from sekisho.authn.verified import Roots
from sekisho.authn.webhook import WebhookAuthenticator, WebhookConfigError
from sekisho.checkpoint import flags
from sekisho.config import Config, ConfigError
from sekisho.credentials import pki
from sekisho.credentials.keys import KeyRing
from sekisho.credentials.outgoing import OutgoingError, target_of

logger = logging.getLogger("sekisho.checkpoint")

_CLIENT_CA = "unable to load client CA provider"
_PROXY_CA = "unable to create request header authentication config"
_ANONYMOUS_TWICE = (
    "anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in "
    "authentication configuration file"
)


class TrustedCA:
    """A bundle of authorities that may come from a file, and then follows it."""

    def __init__(self, what: str, file: Path | None, own: bytes, folder_file: Path | None) -> None:
        """`own` counts without a `file`; `folder_file` is where it lies in a PKI folder. Raises ConfigError."""
        self.file = (
            file if file is not None or folder_file is None or not folder_file.exists() else folder_file
        )
        self.pem = own
        self.changed: Callable[[], None] = lambda: None
        try:
            if file is not None:
                self.pem = _bundle(file)
            self.roots = Roots(self.pem)
        except OSError as error:
            raise ConfigError(f"{what}: open {file}: {(error.strerror or str(error)).lower()}")
        except ValueError as error:
            raise ConfigError(f"{what}: {error}")

    def reload(self) -> None:
        """Take the file as it is now. ValueError or OSError, and the old bundle, when it is no good."""
        if self.file is None:
            return
        pem = _bundle(self.file)
        self.roots.replace(pem)
        self.pem = pem
        self.changed()


def _bundle(file: Path) -> bytes:
    data = file.read_bytes()
    if not data:
        raise ValueError(f'missing content for CA bundle "{file}"')
    return data


@dataclass(slots=True)
class Mechanisms:
    """The parts of authentication that live: `jwt` looks for its providers, `webhook` keeps connections."""

    client_ca: TrustedCA
    front_proxy_ca: TrustedCA
    front_proxy: frontproxy.FrontProxyHeaders
    jwt: Issuers | IssuersFile | None
    webhook: WebhookAuthenticator | None
    built: Authentication

    def start(self) -> None:
        """Begin to look for identity providers; nobody waits for them."""
        if self.jwt is not None:
            self.jwt.start()

    async def close(self) -> None:
        if self.jwt is not None:
            await self.jwt.close()
        if self.webhook is not None:
            await self.webhook.close()

    def config_map_data(self) -> dict[str, str]:
        """What extension servers are told, so that they believe whom this server believes."""
        return frontproxy.config_map_data(self.client_ca.pem, self.front_proxy_ca.pem, self.front_proxy)


def build(
    config: Config,
    keys: pki.PKI,
    ring: KeyRing,
    lookup: Lookup,
    clock: Clock,
    random: RandomSource,
    *,
    modes: Sequence[str],
    touch: Touch,
) -> Mechanisms:
    """`modes` are the authorizers': where everything is allowed, nobody is anonymous. Raises ConfigError."""
    client_ca, front_proxy_ca = _authorities(config, keys)
    headers = flags.front_proxy_headers(config)
    problem = frontproxy.overlap_error(front_proxy_ca.roots, client_ca.roots, headers.allowed_names)
    if problem:
        raise ConfigError(problem)
    jwt, told = _issuers(config, clock)
    reviewer = _webhook(config, clock, random)
    seconds = config.authentication_token_webhook_cache_ttl
    options = AuthnOptions(
        issuers=config.service_account_issuer,
        audiences=config.api_audiences,
        keys=ring,
        client_roots=client_ca.roots,
        front_proxy_roots=front_proxy_ca.roots,
        front_proxy=headers,
        token_file=_token_file(config.token_auth_file),
        service_account_lookup=config.service_account_lookup,
        bootstrap_tokens=config.enable_bootstrap_token_auth,
        jwt=jwt,
        webhook=webhook.cached(reviewer, clock, seconds) if reviewer is not None else None,
        anonymous=_anonymous(config, told, modes),
        loopback_uid=random.uuid(),
        touch_legacy_secret=touch,
    )
    built = factory.build(options, lookup, clock)
    if isinstance(jwt, IssuersFile) and built.token_cache is not None:
        jwt.changed = built.token_cache.forget
    return Mechanisms(client_ca, front_proxy_ca, headers, jwt, reviewer, built)


def check(config: Config, modes: Sequence[str]) -> None:
    """Read what the flags point at. Raises ConfigError."""
    clock, random = SystemClock(), RandomSource()
    for what, file in ((_CLIENT_CA, config.client_ca_file), (_PROXY_CA, config.requestheader_client_ca_file)):
        TrustedCA(what, file, b"", None)
    _token_file(config.token_auth_file)
    _, told = _issuers(config, clock)
    _webhook(config, clock, random)
    _anonymous(config, told, modes)


def _authorities(config: Config, keys: pki.PKI) -> tuple[TrustedCA, TrustedCA]:
    folder = config.pki_dir
    client = TrustedCA(
        _CLIENT_CA,
        config.client_ca_file,
        keys.ca.certificate,
        folder / "ca.crt" if folder else None,
    )
    proxy = TrustedCA(
        _PROXY_CA,
        config.requestheader_client_ca_file,
        keys.front_proxy_ca.certificate,
        folder / "front-proxy-ca.crt" if folder else None,
    )
    return client, proxy


def _token_file(path: Path | None) -> TokenFile | None:
    try:
        return TokenFile.load(path) if path is not None else None
    except TokenFileError as error:
        raise ConfigError(str(error))


def _issuers(config: Config, clock: Clock) -> tuple[Issuers | IssuersFile | None, AnonymousConfig | None]:
    """The OpenID issuers, and what a configuration file says of anonymous requests."""
    own = config.service_account_issuer
    try:
        if config.authentication_config is not None:
            file = IssuersFile(config.authentication_config, own, clock)
            return file, file.anonymous
        if not flags.oidc_flags_given(config):
            return None, None
        issuer = flags.oidc_issuer(config)
        authentication_validation.check(authentication_config.AuthenticationConfig((issuer,)), own)
        return Issuers([issuer], clock), None
    except authentication_config.ConfigError as error:
        raise ConfigError(str(error))


def _webhook(config: Config, clock: Clock, random: RandomSource) -> WebhookAuthenticator | None:
    file = config.authentication_token_webhook_config_file
    if file is None:
        return None
    audiences, version = config.audiences, config.authentication_token_webhook_version
    try:
        return WebhookAuthenticator(target_of(file), audiences, clock, random, version)
    except (WebhookConfigError, OutgoingError) as error:
        raise ConfigError(str(error))


def _anonymous(
    config: Config, told: AnonymousConfig | None, modes: Sequence[str]
) -> AnonymousAuthenticator | None:
    if told is not None:
        if config.anonymous_auth is not None:
            raise ConfigError(_ANONYMOUS_TWICE)
        return AnonymousAuthenticator(frozenset(told.paths)) if told.enabled else None
    if config.anonymous_auth is False:
        return None
    if "AlwaysAllow" in modes:
        logger.warning(
            "AnonymousAuth is not allowed with the AlwaysAllow authorizer. Resetting AnonymousAuth to false. "
            "You should use a different authorizer"
        )
        return None
    return AnonymousAuthenticator()
