"""Client certificates: user from the last CN, groups from O (pkg/authentication/request/x509)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography import x509

from sekisho.api.clock import Clock
from sekisho.api.types import UserInfo
from sekisho.authn import chains
from sekisho.authn.chains import VerifyError
from sekisho.authn.groups import added
from sekisho.authn.interface import (
    CREDENTIAL_ID,
    AuthnRequest,
    Finding,
    Identity,
    Outcome,
    Refusal,
    refuse,
)
from sekisho.authn.verified import Chain, ChainCache, Checked, Roots
from sekisho.credentials import subjects

UID_ATTRIBUTE = "1.3.6.1.4.1.57683.2"
"""Subject attribute that carries the user's uid (gate AllowParsingUserUIDFromCertAuth)."""
NAME = "x509"


class UIDError(ValueError):
    """A uid attribute that cannot be used."""


@dataclass(frozen=True, slots=True)
class _Conclusion:
    outcome: Outcome
    finding: Finding


def uid_of(subject: x509.Name) -> str:
    """The uid attribute; empty when there is none. UIDError with upstream's text when it is unusable."""
    values = subjects.values_of(subject, UID_ATTRIBUTE)
    texts = [v for v in values if isinstance(v, str)]
    if len(texts) != len(values):
        raise UIDError("unable to parse UID into a string")
    if len(texts) > 1:
        raise UIDError(f"expected 1 UID, but found multiple: [{' '.join(texts)}]")
    if texts == [""]:
        raise UIDError("UID cannot be an empty string")
    return texts[0] if texts else ""


def user_of(leaf: x509.Certificate, der: bytes) -> UserInfo | None:
    """The user that a verified leaf names; None without a CN."""
    name = subjects.common_name(leaf.subject)
    if not name:
        return None
    credential = f"X509SHA256={hashlib.sha256(der).hexdigest()}"
    groups = subjects.organizations(leaf.subject)
    return UserInfo(name, uid_of(leaf.subject), groups, {CREDENTIAL_ID: (credential,)})


def why_refused(checked: Checked) -> str:
    """The finding for a refused chain: names the CN, which is no secret, and the reason in a few words."""
    leaf, error = checked.leaf, checked.error
    if leaf is None or error is None:
        return "the certificate cannot be read"
    subject = f"CN {subjects.common_name(leaf.subject) or 'absent'}"
    if error.text.startswith(chains.UNKNOWN_AUTHORITY):
        return f"{subject}, but its authority is unknown"
    if error.text == chains.INCOMPATIBLE_USAGE:
        return f"{subject}, but the certificate is not for clients"
    return f"{subject}, but {error.text.removeprefix('x509: ')}"


class X509Authenticator:
    """Abstains without a certificate, a CA bundle or a CN; refuses what does not verify."""

    name = NAME

    def __init__(self, roots: Roots, clock: Clock) -> None:
        self._roots = roots
        self._cache: ChainCache[_Conclusion] = ChainCache(roots, clock, _conclude)

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        chain = request.peer_chain
        if not chain or not self._roots.certificates:
            return None
        conclusion = self._cache.result(chain)
        request.trail.append(conclusion.finding)
        return conclusion.outcome


def _conclude(chain: Chain, checked: Checked) -> _Conclusion:
    if checked.error is not None or checked.leaf is None:
        return _Conclusion(_refusal(checked), Finding(NAME, why_refused(checked)))
    try:
        user = user_of(checked.leaf, chain[0])
    except UIDError as error:
        return _Conclusion(refuse(str(error)), Finding(NAME, str(error)))
    if user is None:
        return _Conclusion(None, Finding(NAME, "the certificate is good, but has no CN"))
    identity = Identity(user, certificate_serial=f"{checked.leaf.serial_number:x}")
    return _Conclusion(added(identity), Finding(NAME, f"accepted: CN {user.name}"))


def _refusal(checked: Checked) -> Refusal:
    error = checked.error or VerifyError("x509: malformed certificate")
    described = chains.describe_keys(checked.leaf) if checked.leaf is not None else "SN=, SKID=, AKID="
    return refuse(f"verifying certificate {described} failed: {error.text}")
