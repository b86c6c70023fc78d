"""What Sekisho adds to the API: passages and revocations."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

EXPLAIN = "explain.sekisho.dev"
IDENTITY = "identity.sekisho.dev"


def _passage(obj: Object, now: float) -> Cells:
    attributes = cells.part(obj, "attributes")
    response = cells.part(obj, "response")
    user = cells.part(obj, "impersonation", "user") or cells.part(obj, "authentication", "user")
    return [
        cells.name(obj),
        user.get("username", cells.NONE),
        attributes.get("verb") or cells.part(obj, "request").get("method", ""),
        attributes.get("resource") or cells.part(obj, "request").get("path", ""),
        attributes.get("namespace", ""),
        response.get("code", 0),
        cells.part(obj, "authorization").get("decision", cells.NONE),
        cells.age(obj, now),
        response.get("reason", ""),
    ]


def _revocation(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    kind, value = revoked(spec)
    who = cells.part(obj, "status", "revokedBy").get("username")
    return [cells.name(obj), kind, value, who or cells.NONE, cells.age(obj, now), spec.get("reason", "")]


def revoked(spec: Object) -> tuple[str, str]:
    """What a Revocation's spec revokes, in words: `user`, `bob`."""
    account = spec.get("serviceAccount")
    if account:
        return "ServiceAccount", f"{account.get('namespace', '')}/{account.get('name', '')}"
    for field, words in (
        ("certificateSerial", "certificate"),
        ("credentialID", "credential"),
        ("tokenID", "token"),
        ("user", "user"),
    ):
        if spec.get(field):
            return words, str(spec[field])
    return cells.NONE, cells.NONE


TABLES: Tables = {
    (IDENTITY, "Revocation"): TablePrinter(
        [
            NAME,
            column("What", "Which sort of credential, or whose, is refused."),
            column("Value", "Its serial number, id or name."),
            column("Revoked By", "Who revoked it."),
            AGE,
            column("Reason", "Why.", wide=True),
        ],
        _revocation,
    ),
    (EXPLAIN, "Passage"): TablePrinter(
        [
            NAME,
            column("User", "Who the request was from, after impersonation."),
            column("Verb", "What was to be done."),
            column("Resource", "To what: a resource, or a path."),
            column("In", "The namespace."),
            column("Code", "How it was answered.", "integer"),
            column("Authorization", "What the authorizers decided."),
            AGE,
            column("Reason", "Why it was refused.", wide=True),
        ],
        _passage,
    ),
}
