"""ConfigMaps: keys, size, and immutability."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, too_long
from sekisho.api.types import Object
from sekisho.registry.strategy import Context, Strategy

MAX_DATA_BYTES = 1024 * 1024
NAMELESS = Path("[]")
"""How Go prints the path of a field without a name, which is what upstream reports the size of all data at."""


class ConfigMapStrategy(Strategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        errors: ErrorList = []
        data = obj.get("data") or {}
        binary = obj.get("binaryData") or {}
        size = 0
        for key, value in sorted(data.items()):
            errors += [invalid(Path("data").key(key), key, m) for m in names.config_map_key(key)]
            if key in binary:
                errors.append(invalid(Path("data").key(key), key, "duplicate of key present in binaryData"))
            size += len(value) if value.isascii() else len(value.encode())
        for key, value in sorted(binary.items()):
            errors += [invalid(Path("binaryData").key(key), key, m) for m in names.config_map_key(key)]
            size += decoded_length(value)
        if size > MAX_DATA_BYTES:
            errors.append(too_long(NAMELESS, MAX_DATA_BYTES))
        return errors

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return immutability_errors(new, old, ("data", "binaryData")) + self.validate(ctx, new)


def decoded_length(encoded: str) -> int:
    """How many bytes a base64 text stands for."""
    return len(encoded) * 3 // 4 - encoded[-2:].count("=")


def immutability_errors(new: Object, old: Object, data_fields: tuple[str, ...]) -> ErrorList:
    """What may not change once `immutable` is true."""
    if old.get("immutable") is not True:
        return []
    detail = "field is immutable when `immutable` is set"
    errors: ErrorList = []
    if new.get("immutable") is not True:
        errors.append(forbidden(Path("immutable"), detail))
    errors += [forbidden(Path(f), detail) for f in data_fields if (new.get(f) or {}) != (old.get(f) or {})]
    return errors
