"""CertificateSigningRequests: the requester is recorded, spec never changes, and each endpoint has its part."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, StatusStrategy, Strategy
from sekisho.schema.validation import certificates as validation

PROTECTED = ("Approved", "Denied")


class CertificateSigningRequestStrategy(Strategy):
    field_labels = frozenset(("spec.signerName",))

    def name_errors(self, name: str) -> list[str]:
        return names.path_segment(name)

    def fields(self, obj: Object) -> dict[str, str]:
        return {"spec.signerName": obj.get("spec", {}).get("signerName", "")}

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        for key in ("username", "uid", "groups", "extra"):
            spec.pop(key, None)
        user = ctx.user
        given = {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {k: list(v) for k, v in sorted(user.extra.items())},
        }
        spec.update({k: v for k, v in given.items() if v})
        obj["status"] = {}

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validation.validate_create(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["spec"] = old["spec"]
        new["status"] = old.get("status", {})

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validation.validate_update(new, old)


class CSRStatusStrategy(StatusStrategy):
    """Certificates and conditions other than the decision; Approved and Denied stay as they were."""

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["spec"] = old["spec"]
        status = new.setdefault("status", {})
        _keep_decisions(status, old.get("status", {}))
        _fill_times(ctx, status, old.get("status", {}))

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validation.validate_status_update(new, old)


class CSRApprovalStrategy(StatusStrategy):
    """Takes conditions only."""

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["spec"] = old["spec"]
        conditions = new.get("status", {}).get("conditions")
        status = {k: v for k, v in old.get("status", {}).items() if k != "conditions"}
        new["status"] = {"conditions": conditions, **status} if conditions else status
        _fill_times(ctx, new["status"], old.get("status", {}))

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validation.validate_approval_update(new, old)


def _keep_decisions(new: Object, old: Object) -> None:
    conditions = new.get("conditions", [])
    for kind in PROTECTED:
        before = [c for c in old.get("conditions", ()) if c.get("type") == kind]
        places = [i for i, c in enumerate(conditions) if c.get("type") == kind]
        if len(before) == len(places):
            for place, condition in zip(places, before, strict=True):
                conditions[place] = condition


def _fill_times(ctx: Context, new: Object, old: Object) -> None:
    now = format_time(ctx.clock.now())
    conditions = []
    for given in new.get("conditions", ()):
        condition = dict(given)
        condition["lastUpdateTime"] = condition.get("lastUpdateTime") or now
        if not condition.get("lastTransitionTime"):
            condition["lastTransitionTime"] = next(
                (
                    c["lastTransitionTime"]
                    for c in old.get("conditions", ())
                    if c.get("type") == condition.get("type")
                    and c.get("status") == condition.get("status")
                    and c.get("lastTransitionTime")
                ),
                now,
            )
        conditions.append(condition)
    if conditions:
        new["conditions"] = conditions
