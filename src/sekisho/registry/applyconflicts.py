"""The 409 of server-side apply: which managers own what an apply would change."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api.goformat import quote
from sekisho.api.status import StatusError
from sekisho.registry.managedfields import UPDATE, Owner
from sekisho.schema import fieldset
from sekisho.schema.fieldset import FieldSet


class ApplyConflict(Exception):
    """Fields that others own with another value, by owner."""

    def __init__(self, conflicts: Iterable[tuple[Owner, FieldSet]]) -> None:
        super().__init__()
        self.conflicts = sorted(conflicts, key=lambda conflict: conflict[0].identity.text)

    def without(self, allowed: FieldSet) -> ApplyConflict | None:
        """What is left when conflicts on the allowed fields do not count."""
        left = [(owner, fieldset.difference(fields, allowed)) for owner, fields in self.conflicts]
        left = [(owner, fields) for owner, fields in left if fields]
        return ApplyConflict(left) if left else None

    def to_status(self) -> StatusError:
        """Upstream's message and causes; managers in the order of their identifiers."""
        causes = []
        lines = []
        for owner, fields in self.conflicts:
            name = describe(owner)
            lines.append(f"conflicts with {name}:")
            for path in fieldset.paths(fields):
                text = fieldset.path_text(path)
                lines.append(f"- {text}")
                causes.append(
                    {"reason": "FieldManagerConflict", "message": f"conflict with {name}", "field": text}
                )
        if len(causes) == 1:
            message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
        else:
            message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
        return StatusError(409, "Conflict", message, {"causes": causes})


def describe(owner: Owner) -> str:
    """An owner as messages name it: `"a"`, `"b" with subresource "status" using apps/v1`."""
    text = quote(owner.manager)
    if owner.subresource:
        text += f" with subresource {quote(owner.subresource)}"
    return f"{text} using {owner.api_version}" if owner.operation == UPDATE else text
