"""One write's objects in the API versions that managers used, and what the write changes as they see it."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.api.types import Object
from sekisho.schema.fieldset import FieldSet
from sekisho.schema.typedcompare import Comparison, compare
from sekisho.schema.types import Type

Converter = Callable[[Object, str], tuple[Type, Object] | None]
"""From an object, which says its own version, and an API version to its type and the object in that version;
None when the version is not served. May raise StatusError. One that has to wait for a webhook can raise what
its caller understands, and the caller repeat its call when the answer is there: no call leaves state."""


class Versions:
    """Made for one call. `reset` are fields that the write does not count as changed, in every version;
    `strict` is `compare`'s."""

    __slots__ = ("_comparisons", "_convert", "_reset", "_strict", "api_version", "type")

    def __init__(
        self, type_: Type, api_version: str, convert: Converter | None, reset: FieldSet, strict: bool
    ) -> None:
        self.type = type_
        self.api_version = api_version
        self._convert = convert
        self._reset = reset
        self._strict = strict
        self._comparisons: dict[str, Comparison | None] = {}

    def at(self, api_version: str, obj: Object) -> tuple[Type, Object] | None:
        """The object in a version; None when that version is not served any more."""
        if api_version == self.api_version == obj.get("apiVersion", api_version):
            return self.type, obj
        return None if self._convert is None else self._convert(obj, api_version)

    def compare(self, api_version: str, live: Object, new: Object) -> Comparison | None:
        """What changes from `live` to `new`, the same two in every call, as seen in a version."""
        if api_version not in self._comparisons:
            self._comparisons[api_version] = self._compare(api_version, live, new)
        return self._comparisons[api_version]

    def _compare(self, api_version: str, live: Object, new: Object) -> Comparison | None:
        if api_version == self.api_version:
            return compare(self.type, live, new, strict=self._strict).without(self._reset)
        after = self.at(api_version, new)
        before = (after[0], live) if after and is_empty(live) else self.at(api_version, live)
        if before is None or after is None:
            return None
        return compare(after[0], before[1], after[1]).without(self._reset)


def is_empty(obj: Object) -> bool:
    """Whether this stands for an object that does not exist: there is nothing but its kind."""
    return obj.keys() <= {"apiVersion", "kind"}
