"""ServiceAccounts: of each secret reference only the name is kept, as upstream's admission does."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.registry.strategy import Context, Strategy

ENFORCE = "kubernetes.io/enforce-mountable-secrets"
ENFORCE_WARNING = (
    f"metadata.annotations[{ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to "
    "mounted secrets"
)


class ServiceAccountStrategy(Strategy):
    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        _clean(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        _clean(new)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return [ENFORCE_WARNING] if _enforces(obj) else []

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        return [ENFORCE_WARNING] if _enforces(new) and not _enforces(old) else []


def _clean(obj: Object) -> None:
    if "secrets" in obj:
        obj["secrets"] = [{"name": s["name"]} if s.get("name") else {} for s in obj["secrets"]]


def _enforces(obj: Object) -> bool:
    return ENFORCE in obj["metadata"].get("annotations", {})
