"""Revoked credentials: refused although they are good, from the next request on.

Fed with Revocation objects as they change. While there are none, `guard` is None and nothing is asked. A
certificate is known by its serial number or its hash, a token by its id, and a user by name, with every
credential that proves it.
"""

from __future__ import annotations

from collections.abc import Callable

from sekisho.api.types import Object
from sekisho.authn.gate import Guard
from sekisho.authn.interface import CREDENTIAL_ID, Identity
from sekisho.registry.kinds.revocations import revoked_user

Mark = tuple[str, str]
"""What is revoked: `serial`, `credential` or `user`, and its value."""


def mark_of(spec: Object) -> Mark:
    """What a Revocation's spec revokes."""
    if spec.get("certificateSerial"):
        return "serial", spec["certificateSerial"]
    if spec.get("credentialID"):
        return "credential", spec["credentialID"]
    if spec.get("tokenID"):
        return "credential", f"JTI={spec['tokenID']}"
    return "user", revoked_user(spec)


class Revocations:
    """All Revocations by what they revoke. `changed` is called after each change."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._names: dict[Mark, list[str]] = {}
        self.changed: Callable[[], None] = lambda: None

    def upsert(self, obj: Object) -> None:
        name = obj["metadata"]["name"]
        mark = mark_of(obj["spec"])
        if self._marks.get(name) == mark:
            return
        self._forget(name)
        self._marks[name] = mark
        self._names.setdefault(mark, []).append(name)
        self.changed()

    def remove(self, name: str) -> None:
        if name in self._marks:
            self._forget(name)
            self.changed()

    def _forget(self, name: str) -> None:
        mark = self._marks.pop(name, None)
        if mark is None:
            return
        self._names[mark].remove(name)
        if not self._names[mark]:
            del self._names[mark]

    @property
    def guard(self) -> Guard | None:
        """What the gate asks about each identity; None while nothing is revoked."""
        return self.refusal if self._marks else None

    def refusal(self, identity: Identity) -> str | None:
        """Why an identity is refused; None when it is not."""
        names = self._names
        found = names.get(("user", identity.user.name))
        if found is None and identity.certificate_serial:
            found = names.get(("serial", identity.certificate_serial))
        if found is None:
            for credential in identity.user.extra.get(CREDENTIAL_ID, ()):
                found = found or names.get(("credential", credential))
        return None if found is None else f'revoked by Revocation "{found[0]}"'
