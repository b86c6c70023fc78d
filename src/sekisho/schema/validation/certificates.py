"""CertificateSigningRequests: what may be asked for, and what each endpoint may change.

Follows pkg/apis/certificates/validation. Defects that a stored object already has are tolerated on update.
Common metadata is the registry's affair.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from sekisho.api import names, pem
from sekisho.api.csr import RequestError, parse_request
from sekisho.api.field import (
    ErrorList,
    FieldError,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from sekisho.api.goformat import quote
from sekisho.api.types import Object

LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
LEAST_SECONDS = 600
DECISIONS = ("Approved", "Denied")
PERMANENT = (*DECISIONS, "Failed")
USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_CONDITIONS = Path("status.conditions")
_CERTIFICATE = Path("status.certificate")
_MAX_DOMAIN = 253
_MAX_SIGNER = 253 + 1 + 253 + 63 + 1


@dataclass(frozen=True, slots=True)
class _Tolerated:
    """Defects of the stored object that an update may keep."""

    legacy_signer: bool = False
    both_decisions: bool = False
    repeated_types: bool = False
    empty_types: bool = False
    any_certificate: bool = False
    repeated_usages: bool = False
    unknown_usages: bool = False


def validate_create(obj: Object) -> ErrorList:
    """Spec and status of a new request."""
    return _validate(obj, _Tolerated())


def validate_update(new: Object, old: Object) -> ErrorList:
    """A write of the object itself, whose strategy has restored spec and status."""
    return _validate_update(new, old, decisions=False, certificate=False)


def validate_status_update(new: Object, old: Object) -> ErrorList:
    """A write of /status: may set a certificate once, and conditions that are no decisions."""
    return _validate_update(new, old, decisions=False, certificate=True)


def validate_approval_update(new: Object, old: Object) -> ErrorList:
    """A write of /approval: may decide, may not set a certificate."""
    return _validate_update(new, old, decisions=True, certificate=False)


def validate_signer_name(path: Path, name: str) -> ErrorList:
    """`<domain>/<path>`: a domain of at least two labels, and dot-separated subdomains behind the slash."""
    if not name:
        return [required(path)]
    segments = name.split("/")
    if len(segments) != 2:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, name, text)]
    domain, tail = segments
    errors: ErrorList = []
    if len(domain) > _MAX_DOMAIN:
        errors.append(too_long(path, _MAX_DOMAIN))
    labels = domain.split(".")
    for label in labels:
        errors += [_bad_label(path, domain, label, text) for text in names.dns1123_label(label)]
    if len(labels) < 2:
        text = "should be a domain with at least two segments separated by dots"
        errors.append(invalid(path, domain, text))
    for label in tail.split("."):
        errors += [_bad_label(path, tail, label, text) for text in names.dns1123_subdomain(label)]
    if len(name) > _MAX_SIGNER:
        errors.append(too_long(path, _MAX_SIGNER))
    return errors


def _bad_label(path: Path, segment: str, label: str, text: str) -> FieldError:
    return invalid(path, segment, f"validating label {quote(label)}: {text}")


def _validate(obj: Object, tolerated: _Tolerated) -> ErrorList:
    spec, path = obj.get("spec") or {}, Path("spec")
    errors: ErrorList = []
    try:
        parse_request(base64.b64decode(spec.get("request") or ""))
    except (RequestError, binascii.Error) as error:
        errors.append(invalid(path.child("request"), spec.get("request"), str(error)))
    errors += _validate_usages(spec.get("usages") or (), path.child("usages"), tolerated)
    signer = spec.get("signerName", "")
    if signer == LEGACY_SIGNER and not tolerated.legacy_signer:
        text = "the legacy signerName is not allowed via this API version"
        errors.append(invalid(path.child("signerName"), signer, text))
    else:
        errors += validate_signer_name(path.child("signerName"), signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < LEAST_SECONDS:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid(path.child("expirationSeconds"), seconds, text))
    errors += _validate_conditions(_conditions(obj), tolerated)
    if not tolerated.any_certificate and (problem := _certificate_problem(_certificate(obj))):
        errors.append(invalid(_CERTIFICATE, "<certificate data>", problem))
    return errors


def _validate_usages(usages: Sequence[str], path: Path, tolerated: _Tolerated) -> ErrorList:
    if not usages:
        return [required(path)]
    errors: ErrorList = []
    if not tolerated.unknown_usages:
        errors += [not_supported(path.index(i), u, USAGES) for i, u in enumerate(usages) if u not in USAGES]
    if not tolerated.repeated_usages:
        errors += [duplicate(path.index(i), u) for i, u in enumerate(usages) if u in usages[:i]]
    return errors


def _validate_conditions(conditions: Sequence[Object], tolerated: _Tolerated) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, condition in enumerate(conditions):
        path, kind = _CONDITIONS.index(i), condition.get("type", "")
        if not kind and not tolerated.empty_types:
            errors.append(required(path.child("type")))
        value = condition.get("status", "")
        allowed = ("True",) if kind in PERMANENT else ("False", "True", "Unknown")
        if not value:
            errors.append(required(path.child("status")))
        elif value not in allowed:
            errors.append(not_supported(path.child("status"), value, allowed))
        if kind in DECISIONS and not tolerated.both_decisions and seen & (set(DECISIONS) - {kind}):
            text = "Approved and Denied conditions are mutually exclusive"
            errors.append(invalid(_CONDITIONS, kind, text))
        if kind in seen and not tolerated.repeated_types:
            errors.append(duplicate(path.child("type"), kind))
        seen.add(kind)
    return errors


def _certificate_problem(data: bytes) -> str:
    if not data:
        return ""
    found = pem.blocks(data)
    for block in found:
        if block.type != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {quote(block.type)}"
        if block.headers:
            return "no PEM block headers are permitted"
        try:
            x509.load_der_x509_certificate(block.data)
        except ValueError:
            return "x509: malformed certificate"
    return "" if found else "must contain at least one CERTIFICATE PEM block"


def _conditions(obj: Object) -> Sequence[Object]:
    return (obj.get("status") or {}).get("conditions") or ()


def _certificate(obj: Object) -> bytes:
    try:
        return base64.b64decode((obj.get("status") or {}).get("certificate") or "")
    except binascii.Error:
        return b""


def _of_type(obj: Object, kind: str) -> list[Object]:
    return [c for c in _conditions(obj) if c.get("type") == kind]


def _tolerated(new: Object, old: Object) -> _Tolerated:
    spec = old.get("spec") or {}
    usages = spec.get("usages") or ()
    kinds = [c.get("type", "") for c in _conditions(old)]
    stored = _certificate(old)
    return _Tolerated(
        legacy_signer=spec.get("signerName") == LEGACY_SIGNER,
        both_decisions=all(kind in kinds for kind in DECISIONS),
        repeated_types=len(set(kinds)) < len(kinds),
        empty_types="" in kinds,
        any_certificate=_certificate(new) == stored or bool(_certificate_problem(stored)),
        repeated_usages=len(set(usages)) < len(usages),
        unknown_usages=any(u not in USAGES for u in usages),
    )


def _validate_update(new: Object, old: Object, *, decisions: bool, certificate: bool) -> ErrorList:
    errors = _validate(new, _tolerated(new, old))
    for kind in PERMANENT:
        if len(_of_type(new, kind)) < len(_of_type(old, kind)):
            text = f"updates may not remove a condition of type {quote(kind)}"
            errors.append(forbidden(_CONDITIONS, text))
    if not decisions:
        errors += _changed_decisions(new, old)
    if _certificate(new) != _certificate(old):
        if not certificate:
            errors.append(forbidden(_CERTIFICATE, "updates may not set certificate content"))
        elif _certificate(old):
            errors.append(forbidden(_CERTIFICATE, "updates may not modify existing certificate content"))
    return errors


def _changed_decisions(new: Object, old: Object) -> ErrorList:
    errors: ErrorList = []
    for kind in DECISIONS:
        before, after = _of_type(old, kind), _of_type(new, kind)
        if len(after) > len(before):
            text = f"updates may not add a condition of type {quote(kind)}"
        elif len(after) == len(before) and after != before:
            text = f"updates may not modify a condition of type {quote(kind)}"
        else:
            continue
        errors.append(forbidden(_CONDITIONS, text))
    return errors
