"""Static tokens from --token-auth-file (pkg/authentication/token/tokenfile)."""

from __future__ import annotations

import csv
import hashlib
import hmac
import logging
import secrets
from pathlib import Path

from sekisho.api.types import UserInfo
from sekisho.authn.interface import AuthnContext, Identity, Outcome

logger = logging.getLogger(__name__)


class TokenFileError(ValueError):
    """A token file the server cannot start with."""


class TokenFile:
    """Tokens are kept as keyed hashes: neither a look-up's time nor a memory dump gives one away."""

    name = "token-file"

    def __init__(self, users: dict[str, UserInfo]) -> None:
        self._key = secrets.token_bytes(32)
        self._users = {self._digest(token): Identity(user) for token, user in users.items()}

    @classmethod
    def load(cls, path: Path) -> TokenFile:
        """TokenFileError with upstream's text when the file cannot be used."""
        try:
            text = path.read_text("utf-8", "surrogateescape")
        except OSError as error:
            raise TokenFileError(f"open {path}: {(error.strerror or '').lower()}") from None
        return cls(parse(text, str(path)))

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode("utf-8", "surrogateescape"), hashlib.sha256)

    async def authenticate_token(self, token: str, ctx: AuthnContext) -> Outcome:
        identity = self._users.get(self._digest(token))
        if identity is not None:
            ctx.found(self.name, f"accepted: {identity.user.name}")
        return identity


def _shown(text: str) -> str:
    """Names go into answers: bytes that are no UTF-8 become U+FFFD there."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def parse(text: str, path: str = "") -> dict[str, UserInfo]:
    """Token to user. Columns: token, user, uid and, if any, groups as one comma-separated column."""
    users: dict[str, UserInfo] = {}
    try:
        records = list(csv.reader(text.splitlines(keepends=True), strict=True, skipinitialspace=False))
    except csv.Error as error:
        raise TokenFileError(f"token file '{path}': {error}") from None
    for number, record in enumerate((r for r in records if r), 1):
        if len(record) < 3:
            raise TokenFileError(
                f"token file '{path}' must have at least 3 columns (token, user name, user uid), "
                f"found {len(record)}"
            )
        token, name, uid = record[0], _shown(record[1]), _shown(record[2])
        if not token:
            logger.warning("empty token has been found in token file %r, record number %d", path, number)
            continue
        if token in users:
            logger.warning("duplicate token has been found in token file %r, record number %d", path, number)
        groups = tuple(_shown(record[3]).split(",")) if len(record) > 3 else ()
        users[token] = UserInfo(name, uid, groups)
    return users
