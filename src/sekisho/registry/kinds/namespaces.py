"""Namespaces: the label with their own name, the finalizer of their content, their phase and their slow deletion."""

from __future__ import annotations

from sekisho.api import names, status
from sekisho.api.field import ErrorList, Path, invalid
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

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return finalizer_errors(obj)

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

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        """The phase has to say whether the namespace is on its way out; upstream's field name is spelt so."""
        terminating = "deletionTimestamp" in new["metadata"]
        wanted = "Terminating" if terminating else "Active"
        phase = new.get("status", {}).get("phase", "")
        if phase == wanted:
            return []
        state = "not empty" if terminating else "empty"
        return [
            invalid(Path("status.Phase"), phase, f"may only be '{wanted}' if `deletionTimestamp` is {state}")
        ]


class NamespaceFinalizeStrategy(StatusStrategy):
    """Takes spec.finalizers only; the namespace goes when they and its own finalizers are gone."""

    reset_on_main = (("status",),)

    def keeps_when_finalized(self, obj: Object) -> bool:
        return self.main.keeps_when_finalized(obj)

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        new["status"] = old["status"]

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return finalizer_errors(new)


def finalizer_errors(obj: Object) -> ErrorList:
    """spec.finalizers are `kubernetes`, or names with a domain."""
    errors: ErrorList = []
    for name in obj.get("spec", {}).get("finalizers", ()):
        path = Path("spec.finalizers")
        errors += [invalid(path, name, message) for message in names.qualified_name(name)]
        if name != CONTENT_FINALIZER and "/" not in name:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(path, name, text))
    return errors
