"""Status endpoints that take the status alone, where most kinds also take labels, annotations and finalizers."""

from __future__ import annotations

from sekisho.api.types import Object
from sekisho.registry.strategy import Context, StatusStrategy

KEPT = ("labels", "annotations", "finalizers", "ownerReferences")


def restore_metadata(new: Object, old: Object, fields: tuple[str, ...] = KEPT) -> None:
    """Put back what the endpoint may not change of the metadata."""
    metadata, before = new["metadata"], old["metadata"]
    for field in fields:
        if field in before:
            metadata[field] = before[field]
        else:
            metadata.pop(field, None)


class StatusOnlyStrategy(StatusStrategy):
    """Follows metav1.ResetObjectMetaForStatus, which newer kinds use."""

    reset_on_main: tuple[tuple[str, ...], ...] = (("metadata",), ("spec",))

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        super().prepare_for_update(ctx, new, old)
        restore_metadata(new, old)
