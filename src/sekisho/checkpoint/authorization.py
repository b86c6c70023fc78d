"""The chain of authorizers that a Config chooses, and soft mode around it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sekisho.api.types import Authorizer
from sekisho.authz import building
from sekisho.authz import config as authz_config
from sekisho.authz.building import Parts, ReloadingAuthorizer
from sekisho.authz.config import AuthorizerConfiguration, Flags
from sekisho.authz.softmode import Scopes, SoftAuthorizer
from sekisho.authz.union import UnionAuthorizer
from sekisho.checkpoint import flags
from sekisho.config import Config, ConfigError

logger = logging.getLogger("sekisho.checkpoint")


@dataclass(frozen=True, slots=True)
class Authorization:
    """`authorizer` decides; `source` is the chain below soft mode, with `modes` as it began; `scopes` is where
    soft mode is on."""

    authorizer: Authorizer
    source: UnionAuthorizer | ReloadingAuthorizer
    modes: tuple[str, ...]
    scopes: Scopes

    @property
    def file(self) -> ReloadingAuthorizer | None:
        """The chain where a configuration file describes it."""
        return self.source if isinstance(self.source, ReloadingAuthorizer) else None

    async def close(self) -> None:
        """Close the connections of webhooks."""
        source = self.source
        await building.close(source.current if isinstance(source, ReloadingAuthorizer) else source)


def build(config: Config, parts: Parts) -> Authorization:
    """Raises ConfigError."""
    given = flags.authorization_flags(config)
    scopes = flags.soft_mode_scopes(config)
    parts.policy_file = given.policy_file
    try:
        source, configured = _source(given, parts)
    except authz_config.ConfigurationError as error:
        raise ConfigError(str(error))
    modes = tuple(entry.type for entry in configured)
    if not scopes:
        return Authorization(source, source, modes, scopes)
    logger.warning("authorization dry run: would-be denials are let through for %s", scopes)
    return Authorization(SoftAuthorizer(source, scopes), source, modes, scopes)


def _source(
    given: Flags, parts: Parts
) -> tuple[UnionAuthorizer | ReloadingAuthorizer, Sequence[AuthorizerConfiguration]]:
    if given.config_file is not None:
        file = ReloadingAuthorizer(given.config_file, parts)
        file.load()
        return file, file.start
    configured = authz_config.from_flags(given)
    return building.build(configured, parts), configured
