"""Volumes, claims, classes and drivers."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

GROUP = "storage.k8s.io"

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_DEFAULT_ATTRIBUTES_CLASS = "storage.alpha.kubernetes.io/is-default-class"


def _modes(modes: list[str] | None) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def _phase(obj: Object) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(cells.part(obj, "status").get("phase", ""))


def _class(obj: Object) -> str:
    """The storage class, as the old annotation or the field names it."""
    annotations = obj["metadata"].get("annotations") or {}
    return str(annotations.get(_CLASS, cells.part(obj, "spec").get("storageClassName") or ""))


def _or_unset(spec: Object, key: str) -> str:
    return cells.UNSET if spec.get(key) is None else str(spec[key])


def _persistent_volume(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    claim = spec.get("claimRef")
    return [
        cells.name(obj),
        cells.part(spec, "capacity").get("storage", "0"),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class(obj),
        _or_unset(spec, "volumeAttributesClassName"),
        cells.part(obj, "status").get("reason", ""),
        cells.age(obj, now),
        _or_unset(spec, "volumeMode"),
    ]


def _persistent_volume_claim(obj: Object, now: float) -> Cells:
    spec, status = cells.part(obj, "spec"), cells.part(obj, "status")
    bound = bool(spec.get("volumeName"))
    return [
        cells.name(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        cells.part(status, "capacity").get("storage", "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        _class(obj),
        _or_unset(spec, "volumeAttributesClassName"),
        cells.age(obj, now),
        _or_unset(spec, "volumeMode"),
    ]


def _storage_class(obj: Object, now: float) -> Cells:
    return [
        cells.marked_default(obj, *_DEFAULT_CLASS),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        cells.age(obj, now),
    ]


def _volume_attributes_class(obj: Object, now: float) -> Cells:
    name = cells.marked_default(obj, _DEFAULT_ATTRIBUTES_CLASS)
    return [name, obj.get("driverName", ""), cells.age(obj, now)]


def _volume_attachment(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    return [
        cells.name(obj),
        spec.get("attacher", ""),
        cells.part(spec, "source").get("persistentVolumeName") or "",
        spec.get("nodeName", ""),
        bool(cells.part(obj, "status").get("attached")),
        cells.age(obj, now),
    ]


def _csi_node(obj: Object, now: float) -> Cells:
    return [cells.name(obj), len(cells.part(obj, "spec").get("drivers") or ()), cells.age(obj, now)]


def _csi_driver(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    attach, tokens = spec.get("attachRequired"), spec.get("tokenRequests")
    audiences = [t.get("audience", "") for t in tokens or ()]
    return [
        cells.name(obj),
        True if attach is None else attach,
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        cells.UNSET if tokens is None else ",".join(audiences),
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or cells.NONE,
        cells.age(obj, now),
    ]


_VOLUME_MODE = column("VolumeMode", "Whether it is a filesystem or a block device.", wide=True)
_ATTRIBUTES = column("VolumeAttributesClass", "Class of its attributes.")

TABLES: Tables = {
    ("", "PersistentVolume"): TablePrinter(
        [
            NAME,
            column("Capacity", "Size of the volume."),
            column("Access Modes", "Ways in which it can be mounted."),
            column("Reclaim Policy", "What becomes of it when its claim goes."),
            column("Status", "Phase of its life."),
            column("Claim", "Claim it is bound to."),
            column("StorageClass", "Class it belongs to."),
            _ATTRIBUTES,
            column("Reason", "Why it is in that phase."),
            AGE,
            _VOLUME_MODE,
        ],
        _persistent_volume,
    ),
    ("", "PersistentVolumeClaim"): TablePrinter(
        [
            NAME,
            column("Status", "Phase of its life."),
            column("Volume", "Volume it is bound to."),
            column("Capacity", "Size of that volume."),
            column("Access Modes", "Ways in which that volume can be mounted."),
            column("StorageClass", "Class it asks for."),
            _ATTRIBUTES,
            AGE,
            _VOLUME_MODE,
        ],
        _persistent_volume_claim,
    ),
    (GROUP, "StorageClass"): TablePrinter(
        [
            NAME,
            column("Provisioner", "Who makes volumes of the class."),
            column("ReclaimPolicy", "What becomes of volumes when their claims go."),
            column("VolumeBindingMode", "When a volume is made and bound."),
            column("AllowVolumeExpansion", "Whether its volumes can grow."),
            AGE,
        ],
        _storage_class,
    ),
    (GROUP, "VolumeAttributesClass"): TablePrinter(
        [NAME, column("DriverName", "Driver the attributes are for."), AGE], _volume_attributes_class
    ),
    (GROUP, "VolumeAttachment"): TablePrinter(
        [
            NAME,
            column("Attacher", "Driver that attaches the volume.", format="name"),
            column("PV", "Volume that is attached."),
            column("Node", "Node it is attached to."),
            column("Attached", "Whether it is attached now.", "boolean"),
            AGE,
        ],
        _volume_attachment,
    ),
    (GROUP, "CSINode"): TablePrinter(
        [NAME, column("Drivers", "Number of drivers on the node.", "integer"), AGE], _csi_node
    ),
    (GROUP, "CSIDriver"): TablePrinter(
        [
            NAME,
            column("AttachRequired", "Whether volumes must be attached first.", "boolean"),
            column("PodInfoOnMount", "Whether the driver is told about the pod.", "boolean"),
            column("StorageCapacity", "Whether the driver reports free capacity.", "boolean"),
            column("TokenRequests", "Audiences of tokens that the driver gets."),
            column("RequiresRepublish", "Whether mounted volumes are published again and again.", "boolean"),
            column("Modes", "Kinds of volumes the driver offers."),
            AGE,
        ],
        _csi_driver,
    ),
}
