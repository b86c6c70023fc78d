"""Which kinds of volumes a restricted pod may mount."""

from __future__ import annotations

from sekisho.admission.podsecurity.violation import Violation, named, plural, quoted
from sekisho.api.types import Object

_ALLOWED = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
)


def restricted_volumes(metadata: Object, spec: Object) -> Violation | None:
    bad: list[str] = []
    types: set[str] = set()
    for volume in spec.get("volumes") or ():
        kinds = [key for key, source in volume.items() if key != "name" and source is not None]
        if not kinds or any(kind in _ALLOWED for kind in kinds):
            continue
        bad.append(volume.get("name", ""))
        types.add(kinds[0])
    if not bad:
        return None
    uses = plural(len(bad), "uses", "use")
    noun = plural(len(types), "restricted volume type", "restricted volume types")
    detail = f"{named(bad, 'volume', 'volumes')} {uses} {noun} {quoted(sorted(types))}"
    return Violation("restricted volume types", detail)
