"""Namespaces: the label with their own name, the finalizer of their content, their phase and their slow deletion."""

from __future__ import annotations

from sekisho.api import names, status
from sekisho.api.types import GroupResource, Object
from sekisho.registry.strategy import Context, StatusStrategy, Strategy

NAME_LABEL = "kubernetes.io/metadata.name"
CONTENT_FINALIZER = "kubernetes"
UNDELETABLE = frozenset(("default", "kube-system", "kube-public"))


class NamespaceStrategy(Strategy):
    field_labels = frozenset(("status.phase",))

    def default(self, obj: Object) -> None:
        metadata = obj["metadata"]
        name = metadata.get("name")
        if name:
            metadata["labels"] = dict(sorted({**metadata.get("labels", {}), NAME_LABEL: name}.items()))

    def name_errors(self, name: str) -> list[str]:
        return names.dns1123_label(name)

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        self.default(obj)
        finalizers = list(obj.get("spec", {}).get("finalizers", ()))
        if CONTENT_FINALIZER not in finalizers:
            finalizers.append(CONTENT_FINALIZER)
        obj["spec"] = {"finalizers": finalizers}
        obj["status"] = {"phase": "Active"}

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["spec"] = old["spec"]
        new["status"] = old["status"]

    async def check_delete(self, ctx: Context, obj: Object) -> None:
        name = obj["metadata"]["name"]
        if name in UNDELETABLE:
            raise status.forbidden(GroupResource("", "namespaces"), name, "this namespace may not be deleted")

    def keeps_when_finalized(self, obj: Object) -> bool:
        return bool(obj.get("spec", {}).get("finalizers"))

    def marks_termination(self, obj: Object) -> bool:
        return bool(obj["status"].get("phase") != "Terminating")

    def begin_termination(self, obj: Object) -> None:
        obj["status"] = {**obj["status"], "phase": "Terminating"}

    def fields(self, obj: Object) -> dict[str, str]:
        return {"status.phase": obj.get("status", {}).get("phase", "")}


class NamespaceStatusStrategy(StatusStrategy):
    """Conditions are the namespace controller's; the phase follows deletion."""

    def keeps_when_finalized(self, obj: Object) -> bool:
        return self.main.keeps_when_finalized(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["spec"] = old["spec"]


class NamespaceFinalizeStrategy(StatusStrategy):
    """Takes spec.finalizers only; the namespace goes when they and its own finalizers are gone."""

    reset_on_main = (("status",),)

    def keeps_when_finalized(self, obj: Object) -> bool:
        return self.main.keeps_when_finalized(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["status"] = old["status"]
