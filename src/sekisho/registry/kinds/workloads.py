"""What the strategies of all kinds with a pod template share; the kinds are in apps.py and batch.py."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path
from sekisho.api.objectmeta import validate_object_meta, validate_object_meta_update
from sekisho.api.types import Object
from sekisho.registry.kinds.podprepare import drop_disabled_fields
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.podwarnings import template_warnings
from sekisho.schema.validation.tolerance import options_for_update
from sekisho.schema.validation.workload import workload_warnings

METADATA = Path("metadata")


class WorkloadStrategy(Strategy):
    """Drops what is behind closed gates from the template, and warns about the template and the name."""

    template_path: tuple[str, ...] = ("spec", "template")

    def template(self, obj: Object) -> Object:
        found = obj
        for field in self.template_path:
            found = found.get(field) or {}
        return found

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        super().prepare_for_create(ctx, obj)
        drop_disabled_fields(self.template(obj).get("spec") or {})

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        drop_disabled_fields(self.template(new).get("spec") or {}, self.template(old).get("spec"))

    def options(self, old: Object) -> PodOptions:
        """How the template of an update of `old` is validated."""
        template = self.template(old)
        return options_for_update(template.get("spec") or {}, template.get("metadata") or {}, is_pod=False)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        path = Path().child(*self.template_path)
        return workload_warnings(obj["metadata"]["name"], self.template(obj), path)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        if not generation_changed(new, old):
            return []
        return template_warnings(self.template(new), Path().child(*self.template_path))


def generation_changed(new: Object, old: Object) -> bool:
    return bool(new["metadata"].get("generation") != old["metadata"].get("generation"))


class TwiceCheckedStrategy(WorkloadStrategy):
    """Updates are validated as if the object were new, and then once more as updates: the causes of a 422 hold
    most errors twice."""

    repeats_metadata_check = False
    """It does that itself, between the two."""

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        metadata = new["metadata"]
        errors = validate_object_meta(metadata, True, self.name_errors, METADATA)
        errors += self.validate_again(new, old)
        errors += validate_object_meta_update(metadata, old["metadata"], METADATA)
        return errors + self.validate_change(new, old)

    def validate_again(self, new: Object, old: Object) -> ErrorList:
        """What create checks, with the leniency that the stored object gives."""
        raise NotImplementedError

    def validate_change(self, new: Object, old: Object) -> ErrorList:
        """What update checks, in most cases the same and little more."""
        return self.validate_again(new, old)
