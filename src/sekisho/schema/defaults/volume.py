"""Defaults of volumes and their sources, inline ones as well as those of PersistentVolumes."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.api.types import Object
from sekisho.schema.defaults.container import default_pull_policy, set_defaults_field_ref
from sekisho.schema.defaults.resources import round_resources

DEFAULT_MODE = 0o644
TOKEN_LIFETIME = 3600


def set_defaults_volume(volume: Object) -> None:
    """A volume without a source is an empty directory; else its source's defaults."""
    if not volume.keys() - {"name"}:
        volume["emptyDir"] = {}
        return
    for name, source in volume.items():
        default = _SOURCES.get(name)
        if default is not None:
            default(source)


def set_defaults_volume_source(spec: Object) -> None:
    """The sources that a PersistentVolume's spec and a pod's volume have in common."""
    for name in _PERSISTENT:
        source = spec.get(name)
        if source is not None:
            _SOURCES[name](source)


def set_defaults_claim_spec(spec: Object) -> None:
    """The spec of a PersistentVolumeClaim, of a claim template, of an ephemeral volume's template."""
    spec.setdefault("volumeMode", "Filesystem")
    round_resources(spec.setdefault("resources", {}))


def _host_path(source: Object) -> None:
    source.setdefault("type", "")


def _mode(source: Object) -> None:
    source.setdefault("defaultMode", DEFAULT_MODE)


def _downward_api(source: Object) -> None:
    _mode(source)
    _downward_api_items(source)


def _downward_api_items(source: Object) -> None:
    for item in source.get("items") or ():
        set_defaults_field_ref(item)


def _projected(source: Object) -> None:
    _mode(source)
    for part in source.get("sources") or ():
        if "downwardAPI" in part:
            _downward_api_items(part["downwardAPI"])
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", TOKEN_LIFETIME)


def _iscsi(source: Object) -> None:
    _fill(source, "iscsiInterface", "default")


def _rbd(source: Object) -> None:
    _fill(source, "pool", "rbd")
    _fill(source, "user", "admin")
    _fill(source, "keyring", "/etc/ceph/keyring")


def _azure_disk(source: Object) -> None:
    source.setdefault("cachingMode", "ReadWrite")
    source.setdefault("fsType", "ext4")
    source.setdefault("readOnly", False)
    source.setdefault("kind", "Shared")


def _scale_io(source: Object) -> None:
    _fill(source, "storageMode", "ThinProvisioned")
    _fill(source, "fsType", "xfs")


def _ephemeral(source: Object) -> None:
    template = source.get("volumeClaimTemplate")
    if template is not None:
        set_defaults_claim_spec(template.setdefault("spec", {}))


def _image(source: Object) -> None:
    if not source.get("pullPolicy"):
        source["pullPolicy"] = default_pull_policy(source.get("reference", ""))


def _fill(source: Object, key: str, value: str) -> None:
    """Set what is absent or empty: such strings are no pointers in Go."""
    if not source.get(key):
        source[key] = value


_SOURCES: dict[str, Callable[[Object], None]] = {
    "hostPath": _host_path,
    "secret": _mode,
    "configMap": _mode,
    "downwardAPI": _downward_api,
    "projected": _projected,
    "iscsi": _iscsi,
    "rbd": _rbd,
    "azureDisk": _azure_disk,
    "scaleIO": _scale_io,
    "ephemeral": _ephemeral,
    "image": _image,
}
_PERSISTENT = ("hostPath", "iscsi", "rbd", "azureDisk", "scaleIO")
