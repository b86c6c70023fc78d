"""PodTemplates and ControllerRevisions: kept for controllers, who alone know what to do with them."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path
from sekisho.api.types import Object
from sekisho.registry.kinds.podprepare import drop_disabled_fields
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.defaults.pod import set_defaults_pod_template_spec
from sekisho.schema.validation.controllerrevision import (
    validate_controller_revision,
    validate_controller_revision_update,
)
from sekisho.schema.validation.options import FOR_TEMPLATE
from sekisho.schema.validation.pod import validate_pod_template_spec
from sekisho.schema.validation.podwarnings import template_warnings
from sekisho.schema.validation.tolerance import options_for_update

_TEMPLATE = Path("template")


def _spec(obj: Object) -> Object:
    return (obj.get("template") or {}).get("spec") or {}


class PodTemplateStrategy(Strategy):
    def default(self, obj: Object) -> None:
        set_defaults_pod_template_spec(obj.setdefault("template", {}))

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        drop_disabled_fields(_spec(obj))

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        drop_disabled_fields(_spec(new), _spec(old))

    def spec_changed(self, new: Object, old: Object) -> bool:
        return bool(new.get("template") != old.get("template"))

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_pod_template_spec(obj.get("template") or {}, _TEMPLATE, FOR_TEMPLATE)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        metadata = (old.get("template") or {}).get("metadata") or {}
        options = options_for_update(_spec(old), metadata, is_pod=False)
        return validate_pod_template_spec(new.get("template") or {}, _TEMPLATE, options)

    def warnings_on_create(self, ctx: Context, obj: Object) -> list[str]:
        return template_warnings(obj.get("template") or {}, _TEMPLATE)

    def warnings_on_update(self, ctx: Context, new: Object, old: Object) -> list[str]:
        if not self.spec_changed(new, old):
            return []
        return template_warnings(new.get("template") or {}, _TEMPLATE)


class ControllerRevisionStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_controller_revision(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_controller_revision_update(new, old)
