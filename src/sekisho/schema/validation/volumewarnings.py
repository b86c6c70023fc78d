"""Warnings about the volumes of pods: plugins that are gone, files that hide each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sekisho.api.field import Path
from sekisho.api.goformat import quote
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object

_GONE = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
"""By field: the name upstream warns with, and what has become of the plugin."""


def volume_warnings(volumes: list[Object], path: Path) -> list[str]:
    out: list[str] = []
    for i, volume in enumerate(volumes):
        for field, (name, text) in _GONE.items():
            if field in volume:
                out.append(f"{path.index(i).child(name)}: {text}")
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if template is not None:
            at = path.index(i).child("ephemeral", "volumeClaimTemplate", "spec")
            out += claim_spec_warnings(template.get("spec") or {}, at)
    for volume in volumes:
        out += _overlapping_files(volume)
    return out


def claim_spec_warnings(spec: Object, path: Path) -> list[str]:
    """Of a PersistentVolumeClaim: a size with a part of a byte."""
    out: list[str] = []
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if amount is not None:
        size = Quantity.parse(amount)
        if size.milli_value() % 1000:
            at = path.child("resources", "requests").key("storage")
            out.append(f"{at}: fractional byte value {quote(str(size))} is invalid, must be an integer")
    return out


class _File(NamedTuple):
    """A file that a volume will hold; `source` says whose it is, in projected volumes."""

    path: str
    source: str = ""

    def __str__(self) -> str:
        return f"{quote(self.path)} ({self.source})" if self.source else quote(self.path)


def _overlapping_files(volume: Object) -> Iterator[str]:
    name = quote(volume.get("name", ""))
    for field, kind, key in (
        ("configMap", "ConfigMap", "name"),
        ("secret", "Secret", "secretName"),
        ("downwardAPI", "DownwardAPI", ""),
    ):
        source = volume.get(field)
        if source and source.get("items"):
            what = f"{kind} {quote(source.get(key, ''))}" if key else kind
            yield from _overlaps(_files(source), f"volume {name} ({what})")
    projected = volume.get("projected")
    if projected and projected.get("sources"):
        for source in projected["sources"]:
            if not source:
                yield f"volume {name} (Projected) has no sources provided"
        files = [file for source in projected["sources"] for file in _projected_files(source)]
        yield from _overlaps(files, f"volume {name} (Projected)")


def _files(source: Object, owner: str = "") -> list[_File]:
    return [_File(item.get("path", "").rstrip("/"), owner) for item in source.get("items") or ()]


def _projected_files(source: Object) -> list[_File]:
    for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        part = source.get(field)
        if part and part.get("items"):
            return _files(part, f"{kind} {quote(part.get('name', ''))}")
    if (source.get("downwardAPI") or {}).get("items"):
        return _files(source["downwardAPI"], "DownwardAPI")
    if "serviceAccountToken" in source:
        return [_File(source["serviceAccountToken"].get("path", "").rstrip("/"), "ServiceAccountToken")]
    bundle = source.get("clusterTrustBundle")
    if bundle is not None:
        name = bundle.get("name", bundle.get("signerName", ""))
        return [_File(bundle.get("path", "").rstrip("/"), f"ClusterTrustBundle {quote(name)}")]
    return []


def _overlaps(files: Iterable[_File], what: str) -> Iterator[str]:
    """One warning for each pair of which one is the other or lies below it."""
    seen: list[_File] = []
    for file in files:
        for earlier in seen:
            if _is_within(file.path, earlier.path) or _is_within(earlier.path, file.path):
                yield f"{what}: overlapping paths: {file} with {earlier}"
        if file.path:
            seen.append(file)


def _is_within(path: str, other: str) -> bool:
    return bool(path) and f"{path}/".startswith(f"{other}/")
