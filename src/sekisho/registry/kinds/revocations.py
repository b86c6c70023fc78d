"""Revocations: one target each, who revoked noted by the server, nothing changed afterwards but labels and such."""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, required, too_long
from sekisho.api.types import Object, service_account_user
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.identity import TARGETS

MAX_REASON = 1024
_SERIAL = re.compile(r"[0-9a-f]{1,40}\Z")
_CREDENTIAL = re.compile(r"(X509SHA256=[0-9a-f]{64}|JTI=.+)\Z")


class RevocationStrategy(Strategy):
    def name_errors(self, name: str) -> list[str]:
        return names.dns1123_subdomain(name)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        spec = obj.get("spec") or {}
        if spec.get("certificateSerial"):
            spec["certificateSerial"] = normal_serial(spec["certificateSerial"])
        obj["status"] = {"revokedBy": _who(ctx)}

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        spec = new.get("spec") or {}
        if spec.get("certificateSerial"):
            spec["certificateSerial"] = normal_serial(spec["certificateSerial"])
        new["status"] = old.get("status", {})

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        spec, path = obj.get("spec") or {}, Path("spec")
        given = [field for field in TARGETS if spec.get(field)]
        if not given:
            return [required(path, f"one of {', '.join(TARGETS)} must be set")]
        errors = [
            forbidden(path.child(field), f"may not be set together with {given[0]}") for field in given[1:]
        ]
        errors += _target_errors(spec, path)
        if len(spec.get("reason", "")) > MAX_REASON:
            errors.append(too_long(path.child("reason"), MAX_REASON))
        return errors

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        if new.get("spec") != old.get("spec"):
            return [forbidden(Path("spec"), "a revocation cannot be changed; make another one")]
        return []

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        """Whoever locks out themselves is told so: nobody but others can undo it."""
        if revoked_user(obj.get("spec") or {}) == ctx.user.name:
            return ["this revokes your own credentials: from the next request on, you are refused"]
        return []


def revoked_user(spec: Object) -> str:
    """The name of the user whose credentials are all revoked; empty when a single credential is."""
    account = spec.get("serviceAccount")
    if account:
        return service_account_user(account["namespace"], account["name"]).name
    return str(spec.get("user", ""))


def normal_serial(text: str) -> str:
    """A serial number as it is compared: hexadecimal, lower case, without separators and leading zeros."""
    plain = text.strip().lower().removeprefix("0x").replace(":", "")
    return plain.lstrip("0") or plain[:1]


def _who(ctx: Context) -> Object:
    user = ctx.user.to_object()
    return {key: user[key] for key in ("username", "uid", "groups") if key in user}


def _target_errors(spec: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    serial, credential = spec.get("certificateSerial"), spec.get("credentialID")
    if serial and not _SERIAL.match(serial):
        detail = "must be the serial number of a certificate in hexadecimal digits"
        errors.append(invalid(path.child("certificateSerial"), serial, detail))
    if credential and not _CREDENTIAL.match(credential):
        detail = "must be X509SHA256= with 64 hexadecimal digits in lower case, or JTI= with a token's id"
        errors.append(invalid(path.child("credentialID"), credential, detail))
    account = spec.get("serviceAccount")
    if account is not None:
        where = path.child("serviceAccount")
        errors += [required(where.child(field)) for field in ("namespace", "name") if not account.get(field)]
    return errors
