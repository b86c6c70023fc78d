"""What Sekisho adds to the API: passages and revocations."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

EXPLAIN = "explain.sekisho.dev"


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


TABLES: Tables = {
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
