"""Certificate signing requests."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.time import human_duration
from sekisho.api.types import Object


def _signing_request(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    seconds = spec.get("expirationSeconds")
    return [
        cells.name(obj),
        cells.age(obj, now),
        cells.or_none(spec.get("signerName")),
        spec.get("username", ""),
        cells.NONE if seconds is None else human_duration(seconds),
        _condition(obj),
    ]


def _condition(obj: Object) -> str:
    status = cells.part(obj, "status")
    types = {c.get("type") for c in status.get("conditions") or ()}
    words = ["Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"]
    if "Failed" in types:
        words.append("Failed")
    if status.get("certificate"):
        words.append("Issued")
    return ",".join(words)


TABLES: Tables = {
    ("certificates.k8s.io", "CertificateSigningRequest"): TablePrinter(
        [
            NAME,
            AGE,
            column("SignerName", "Signer that is asked."),
            column("Requestor", "User who asks."),
            column("RequestedDuration", "How long the certificate should be valid."),
            column("Condition", "What was decided, and whether there is a certificate."),
        ],
        _signing_request,
    )
}
