"""Bearer tokens in the websocket subprotocol, for browsers (pkg/authentication/request/websocket).

Errors carry upstream's text "base64.bearer.authorization" although the protocol is spelt base64url.
"""

from __future__ import annotations

from sekisho.authn.bearer import INVALID
from sekisho.authn.interface import AuthnRequest, Outcome, TokenAuthenticator, refuse
from sekisho.credentials.jws import Malformed, decode_base64url

PREFIX = "base64url.bearer.authorization.k8s.io."
HEADER = b"sec-websocket-protocol"
_WORD = "base64.bearer.authorization"


class _Error(ValueError):
    pass


def is_upgrade(request: AuthnRequest) -> bool:
    """`Connection: upgrade` and `Upgrade: websocket`, whatever their case."""
    connection = [t.strip().lower() for v in request.values(b"connection") for t in v.split(",")]
    return "upgrade" in connection and any(v.lower() == "websocket" for v in request.values(b"upgrade"))


def _split(values: list[str]) -> tuple[str | None, list[str]]:
    """The token, None where there is none, and the other subprotocols."""
    token: str | None = None
    others: list[str] = []
    for protocol in (p.strip() for v in values for p in v.split(",")):
        if not protocol.startswith(PREFIX):
            others.append(protocol)
            continue
        if token is not None:
            raise _Error(f"multiple {_WORD} tokens specified")
        try:
            data = decode_base64url(protocol[len(PREFIX) :])
        except Malformed:
            raise _Error(f"invalid {_WORD} token encoding") from None
        try:
            token = data.decode("utf-8")
        except UnicodeDecodeError:
            raise _Error(f"invalid {_WORD} token") from None
    if token is not None and not others:
        raise _Error("missing additional subprotocol")
    return token, others


class WebsocketAuthenticator:
    """Asks the token authenticators; on success the token's subprotocol is taken out of the request."""

    name = "websocket"

    def __init__(self, tokens: TokenAuthenticator) -> None:
        self._tokens = tokens

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        if not request.websocket_upgrade:
            return None
        try:
            token, others = _split(request.values(HEADER))
        except _Error as error:
            request.found(self.name, str(error))
            return refuse(str(error))
        if not token:
            return None
        outcome = await self._tokens.authenticate_token(token, request)
        if outcome is None:
            request.found(self.name, "no authenticator knows this token")
            return refuse(INVALID)
        kept = [(k, v) for k, v in request.headers if k != HEADER]
        request.headers = [*kept, (HEADER, ",".join(others).encode())]
        return outcome
