"""Secrets: the default type, what each type must hold, stringData, and immutability."""

from __future__ import annotations

import base64
import binascii

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, required, too_long
from sekisho.api.types import Object
from sekisho.registry.kinds.configmaps import MAX_DATA_BYTES, decoded_length, immutability_errors
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema import body

SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name"
SERVICE_ACCOUNT_UID = "kubernetes.io/service-account.uid"

_REQUIRED_KEYS = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/ssh-auth": "ssh-privatekey",
}
_JSON_KEYS = frozenset((".dockercfg", ".dockerconfigjson"))


class SecretStrategy(Strategy):
    field_labels = frozenset(("type",))

    def default(self, obj: Object) -> None:
        if not obj.get("type"):
            obj["type"] = "Opaque"
        plain = obj.pop("stringData", None)
        if plain:
            encoded = {k: base64.b64encode(v.encode()).decode() for k, v in plain.items()}
            obj["data"] = dict(sorted({**(obj.get("data") or {}), **encoded}.items()))

    def fields(self, obj: Object) -> dict[str, str]:
        return {"type": obj.get("type", "")}

    def prepare_for_update(self, ctx: Context, new: Object, old: Object) -> None:
        if not new.get("type"):
            new["type"] = old["type"]

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        errors: ErrorList = []
        data = obj.get("data") or {}
        for key in sorted(data):
            errors += [invalid(Path("data").key(key), key, m) for m in names.config_map_key(key)]
        if sum(map(decoded_length, data.values())) > MAX_DATA_BYTES:
            errors.append(too_long(Path("data"), MAX_DATA_BYTES))
        return errors + _type_errors(obj, data)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        errors: ErrorList = []
        if new.get("type") != old.get("type"):
            errors.append(invalid(Path("type"), new.get("type", ""), "field is immutable"))
        errors += immutability_errors(new, old, ("data",))
        return errors + self.validate(ctx, new)


def _type_errors(obj: Object, data: Object) -> ErrorList:
    kind = obj.get("type", "")
    if kind == SERVICE_ACCOUNT_TOKEN:
        if not obj["metadata"].get("annotations", {}).get(SERVICE_ACCOUNT_NAME):
            return [required(Path("metadata.annotations").key(SERVICE_ACCOUNT_NAME))]
    elif kind in _REQUIRED_KEYS:
        return _key_errors(data, _REQUIRED_KEYS[kind])
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            return [required(Path("data").key("username")), required(Path("data").key("password"))]
    elif kind == "kubernetes.io/tls":
        return [required(Path("data").key(k)) for k in ("tls.crt", "tls.key") if k not in data]
    return []


def _key_errors(data: Object, key: str) -> ErrorList:
    path = Path("data").key(key)
    if not data.get(key):
        return [required(path)]
    if key in _JSON_KEYS:
        try:
            body.parse_json(base64.b64decode(data[key]))
        except (binascii.Error, ValueError) as error:
            return [invalid(path, "<secret contents redacted>", str(error))]
    return []
