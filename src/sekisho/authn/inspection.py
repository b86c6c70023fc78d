"""What a credential holds, whose it is, and every check that a cluster would make of it, in order.

The checks are the authenticators' own, taken one by one: where the server stops at the first that fails, an
inspection goes on, so that everything that is wrong shows at once. What would take a cluster that is not there
to find out stays unknown. Nothing here repeats a secret.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cryptography import x509

from sekisho.admission.interface import Lookup
from sekisho.api.types import Object, UserInfo
from sekisho.authn.interface import Identity
from sekisho.authn.revocation import Revocations
from sekisho.authn.tokenfile import TokenFile
from sekisho.credentials.keys import KeyRing
from sekisho.credentials.tokens import Invalid


class Outcome(enum.Enum):
    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


class UnknownHere(Exception):
    """Something that only a cluster could tell, and none can be asked; the text says which."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `text` says what was found, in a few words."""

    name: str
    outcome: Outcome
    text: str

    def to_object(self) -> Object:
        return {"check": self.name, "outcome": self.outcome.value, "text": self.text}


@dataclass(slots=True)
class Inspection:
    """`what` is the sort of credential, `facts` what is in it, `user` who it proves if it is accepted."""

    what: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    user: UserInfo | None = None
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    answer: Outcome | None = None
    """What a running cluster said when it was asked."""

    @property
    def outcome(self) -> Outcome:
        """Refused by one failing check; otherwise unknown as long as one of them is, and no cluster was asked."""
        if self.answer is not None:
            return self.answer
        found = {check.outcome for check in self.checks}
        return next((o for o in (Outcome.FAIL, Outcome.UNKNOWN) if o in found), Outcome.PASS)

    @property
    def refusal(self) -> Check | None:
        """The check at which the server would stop."""
        return next((check for check in self.checks if check.outcome is Outcome.FAIL), None)

    def to_object(self) -> Object:
        out: Object = {"credential": self.what, "outcome": self.outcome.value}
        if self.facts:
            out["facts"] = dict(self.facts)
        if self.user is not None:
            out["user"] = self.user.to_object()
        out["checks"] = [check.to_object() for check in self.checks]
        if self.notes:
            out["notes"] = self.notes
        return out


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The cluster that a credential is held against; what is None is not known.

    `lookup` and `revocations` raise UnknownHere where no cluster can be asked. `now` is Unix time.
    """

    now: float
    lookup: Lookup
    revocations: Callable[[], Sequence[Object]]
    keys: KeyRing | None = None
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    client_roots: tuple[x509.Certificate, ...] | None = None
    token_file: TokenFile | None = None
    bootstrap_tokens: bool = False


def passed(name: str, text: str) -> Check:
    return Check(name, Outcome.PASS, text)


def failed(name: str, text: str) -> Check:
    return Check(name, Outcome.FAIL, text)


def unknown(name: str, text: str) -> Check:
    return Check(name, Outcome.UNKNOWN, text)


def tried(name: str, good: str, action: Callable[[], object]) -> Check:
    """A check that an authenticator makes by raising Invalid."""
    try:
        action()
    except Invalid as invalid:
        return failed(name, invalid.found)
    except UnknownHere as error:
        return unknown(name, str(error))
    return passed(name, good)


def not_revoked(identity: Identity, surroundings: Surroundings) -> Check:
    """What the gate asks last."""
    try:
        found = Revocations()
        for obj in surroundings.revocations():
            found.upsert(obj)
    except UnknownHere as error:
        return unknown("revocation", str(error))
    refusal = found.refusal(identity)
    return passed("revocation", "not revoked") if refusal is None else failed("revocation", refusal)
