"""The sources of volumes that pods and PersistentVolumes share, and those that only pods have."""

from __future__ import annotations

import re

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, not_supported, required, too_long
from sekisho.api.types import Object
from sekisho.schema.validation.common import label_errors, local_path, no_backsteps, problems

FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_IQN = re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$", re.ASCII)
_EUI = re.compile(r"^eui.[A-Za-z0-9]{16}$")
_NAA = re.compile(r"^naa.[A-Za-z0-9]{32}$")
_INITIATORS = {"iqn": _IQN, "eui": _EUI, "naa": _NAA}
_PORTAL_AND_VOLUME = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters"
    " if iscsi.initiatorName is specified."
)
_HOST_PORTS = "must be a host:port pair or multiple pairs separated by commas"
_CACHING = ("None", "ReadOnly", "ReadWrite")
_DISK_KINDS = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
)
_BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
_LONGEST_DRIVER = 63


def required_fields(source: Object, path: Path, *fields: str) -> ErrorList:
    return [required(path.child(field)) for field in fields if not source.get(field)]


def secret_reference(source: Object, path: Path, *, namespace: bool = False) -> ErrorList:
    """A `secretRef` that need not be there but is complete when it is."""
    reference = source.get("secretRef")
    if reference is None:
        return []
    fields = ("name", "namespace") if namespace else ("name",)
    return required_fields(reference, path.child("secretRef"), *fields)


def validate_host_path(source: Object, path: Path) -> ErrorList:
    if not source.get("path"):
        return [required(path.child("path"))]
    errors = no_backsteps(path.child("path"), source["path"])
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        errors.append(not_supported(path.child("type"), kind, _HOST_PATH_TYPES))
    return errors


def validate_git_repo(source: Object, path: Path) -> ErrorList:
    errors = required_fields(source, path, "repository")
    return errors + local_path(path.child("directory"), source.get("directory", ""))


def validate_disk(source: Object, path: Path, name: str) -> ErrorList:
    """A cloud's disk by its name and partition."""
    errors = required_fields(source, path, name)
    partition = source.get("partition", 0)
    if not 0 <= partition <= 255:
        errors.append(invalid(path.child("partition"), partition, names.range_error(1, 255)))
    return errors


def validate_gce_disk(source: Object, path: Path) -> ErrorList:
    return validate_disk(source, path, "pdName")


def validate_aws_disk(source: Object, path: Path) -> ErrorList:
    return validate_disk(source, path, "volumeID")


def validate_nfs(source: Object, path: Path) -> ErrorList:
    errors = required_fields(source, path, "server", "path")
    if not source.get("path", "").startswith("/"):
        errors.append(invalid(path.child("path"), source.get("path", ""), "must be an absolute path"))
    return errors


def validate_iscsi(source: Object, path: Path) -> ErrorList:
    """An inline volume's; `validate_iscsi_name_length` looks at its name."""
    return _validate_iscsi(source, path, "must be valid format starting with iqn, eui, or naa", [], [])


def validate_persistent_iscsi(source: Object, path: Path, volume: str) -> ErrorList:
    """A PersistentVolume's: the same rules and a complete secret reference, in other words here and there."""
    portal = source.get("targetPortal", "")
    too_long = _portal_and_volume(source, volume)
    long = [invalid(path.child("targetportal"), portal, _PORTAL_AND_VOLUME)] if too_long else []
    return _validate_iscsi(source, path, "must be valid format", long, secret_reference(source, path))


def validate_iscsi_name_length(source: Object, path: Path, volume: str) -> ErrorList:
    """The volume's name and the portal together; `path` is the volume's."""
    too_long = _portal_and_volume(source, volume)
    return [invalid(path.child("name"), volume, _PORTAL_AND_VOLUME)] if too_long else []


def _portal_and_volume(source: Object, volume: str) -> bool:
    """Whether the initiator's name, which both make up, becomes too long."""
    portal = source.get("targetPortal", "")
    return source.get("initiatorName") is not None and len(f"{volume}:{portal}".encode()) > 64


def _validate_iscsi(
    source: Object, path: Path, unknown: str, long: ErrorList, secret: ErrorList
) -> ErrorList:
    errors = required_fields(source, path, "targetPortal") + long
    iqn = source.get("iqn", "")
    errors += _initiator_errors(iqn, path.child("iqn"), unknown) if iqn else [required(path.child("iqn"))]
    lun = source.get("lun", 0)
    if not 0 <= lun <= 255:
        errors.append(invalid(path.child("lun"), lun, names.range_error(0, 255)))
    chap = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if chap and source.get("secretRef") is None:
        errors.append(required(path.child("secretRef")))
    errors += secret
    initiator = source.get("initiatorName")
    if initiator is not None:
        errors += _initiator_errors(initiator, path.child("initiatorname"), unknown)
    return errors


def _initiator_errors(name: str, path: Path, unknown: str) -> ErrorList:
    pattern = _INITIATORS.get(name[:3])
    if pattern is None:
        return [invalid(path, name, unknown)]
    return [] if pattern.search(name) else [invalid(path, name, "must be valid format")]


def validate_fc(source: Object, path: Path) -> ErrorList:
    targets, wwids = source.get("targetWWNs"), source.get("wwids")
    at = path.child("targetWWNs")
    errors: ErrorList = []
    if not targets and not wwids:
        errors.append(required(at, "must specify either targetWWNs or wwids, but not both"))
    if targets and wwids:
        errors.append(invalid(at, targets, "targetWWNs and wwids can not be specified simultaneously"))
    if targets:
        lun = source.get("lun")
        if lun is None:
            errors.append(required(path.child("lun"), "lun is required if targetWWNs is specified"))
        elif not 0 <= lun <= 255:
            errors.append(invalid(path.child("lun"), lun, names.range_error(0, 255)))
    return errors


def validate_glusterfs(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "endpoints", "path")


def validate_flocker(source: Object, path: Path) -> ErrorList:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    errors: ErrorList = []
    if not name and not uuid:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid(path, "resource", detail))
    if "/" in name:
        errors.append(invalid(path.child("datasetName"), name, "must not contain '/'"))
    return errors


def validate_claim_reference(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "claimName")


def validate_rbd(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "monitors", "image")


def validate_cinder(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "volumeID") + secret_reference(source, path)


def validate_cephfs(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "monitors")


def validate_quobyte(source: Object, path: Path) -> ErrorList:
    registry = source.get("registry", "")
    errors: ErrorList = []
    if not registry:
        errors.append(required(path.child("registry"), _HOST_PORTS))
    elif len(source.get("tenant", "").encode()) >= 65:
        detail = "must be a UUID and may not exceed a length of 64 characters"
        errors.append(required(path.child("tenant"), detail))
    else:
        bad = [pair for pair in registry.split(",") if not _is_host_port(pair)]
        errors += [invalid(path.child("registry"), registry, _HOST_PORTS) for _ in bad]
    return errors + required_fields(source, path, "volume")


def _is_host_port(text: str) -> bool:
    """Whether Go's net.SplitHostPort takes the text apart."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return False
    if host.startswith("["):
        return host.endswith("]") and "[" not in host[1:] and "]" not in host[:-1]
    return not set(host + port) & set(":[]")


def validate_flex(source: Object, path: Path) -> ErrorList:
    errors = required_fields(source, path, "driver")
    for key in source.get("options") or ():
        domain = "." + key.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(path.child("options").key(key), key, detail))
    return errors


def validate_azure_file(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "secretName", "shareName")


def validate_azure_disk(source: Object, path: Path) -> ErrorList:
    errors = required_fields(source, path, "diskName", "diskURI")
    caching, kind, uri = source.get("cachingMode"), source.get("kind"), source.get("diskURI", "")
    if caching is not None and caching not in _CACHING:
        errors.append(not_supported(path.child("cachingMode"), caching, _CACHING))
    if kind is None:
        return errors
    if kind not in _DISK_KINDS:
        errors.append(not_supported(path.child("kind"), kind, _DISK_KINDS))
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.append(not_supported(path.child("diskURI"), uri, (_MANAGED_DISK,)))
    if kind != "Managed" and not uri.startswith("https://"):
        errors.append(not_supported(path.child("diskURI"), uri, (_BLOB_DISK,)))
    return errors


def validate_vsphere(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "volumePath")


def validate_photon(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "pdID")


def validate_portworx(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "volumeID")


def validate_scale_io(source: Object, path: Path) -> ErrorList:
    return required_fields(source, path, "gateway", "system", "volumeName")


def validate_storage_os(source: Object, path: Path, *, secret_namespace: bool = False) -> ErrorList:
    name, namespace = source.get("volumeName", ""), source.get("volumeNamespace", "")
    at = path.child("volumeName")
    errors = label_errors(at, name) if name else [required(at)]
    if namespace:
        errors += label_errors(path.child("volumeNamespace"), namespace)
    return errors + secret_reference(source, path, namespace=secret_namespace)


def validate_csi(source: Object, path: Path) -> ErrorList:
    """An inline CSI volume."""
    errors = validate_csi_driver(source.get("driver", ""), path.child("driver"))
    reference = source.get("nodePublishSecretRef")
    if reference is not None:
        name = reference.get("name", "")
        if not name:
            errors.append(required(path.child("nodePublishSecretRef", "name")))
        else:
            errors += problems(path.child("name"), name, names.dns1123_subdomain(name))
    return errors


def validate_csi_driver(driver: str, path: Path) -> ErrorList:
    """A driver's name; its case does not matter."""
    if not driver:
        return [required(path)]
    errors: ErrorList = []
    if len(driver.encode()) > _LONGEST_DRIVER:
        errors.append(too_long(path, _LONGEST_DRIVER))
    return errors + problems(path, driver, names.dns1123_subdomain(driver.lower()))


def file_mode_errors(mode: int | None, path: Path) -> ErrorList:
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(path, mode, FILE_MODE)]
