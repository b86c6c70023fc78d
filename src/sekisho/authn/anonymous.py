"""The anonymous user, for requests that show no credential (pkg/authentication/request/anonymous)."""

from __future__ import annotations

from sekisho.api.types import ANONYMOUS, UNAUTHENTICATED, UserInfo
from sekisho.authn.interface import AuthnRequest, Identity, Outcome

USER = UserInfo(ANONYMOUS, groups=(UNAUTHENTICATED,))


class AnonymousAuthenticator:
    """Everybody on the given paths, compared exactly; on all paths when none are given."""

    name = "anonymous"

    def __init__(self, paths: frozenset[str] = frozenset()) -> None:
        self._paths = paths

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        if self._paths and request.path not in self._paths:
            request.found(self.name, "anonymous requests are not allowed on this path")
            return None
        request.found(self.name, "no credential was shown")
        return Identity(USER, request.audiences)
