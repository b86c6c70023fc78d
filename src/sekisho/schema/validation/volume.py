"""Volumes of pods: one source each, names that are unique, and what containers do with them."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, required
from sekisho.api.goformat import quote
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.validation import volumesource
from sekisho.schema.validation.claimspec import ClaimOptions, validate_claim_template
from sekisho.schema.validation.common import label_errors, one_of
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.projected import (
    validate_downward_api,
    validate_items,
    validate_projected,
)

PULL_POLICIES = ("Always", "IfNotPresent", "Never")

Volumes = dict[str, Object]
"""The good volumes of a pod by name: what containers can mount."""

_ONE_TYPE = "may not specify more than 1 volume type"
_NAMES_IN_PATHS = {"gcePersistentDisk": "persistentDisk"}
"""Upstream's path of the errors within a source, where it is not the field's name."""
_NAMES_IN_REPETITIONS = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""Upstream's path of the error about a second source, where it is not the field's name."""


def validate_volumes(
    volumes: list[Object], pod_name: str, path: Path, options: PodOptions
) -> tuple[Volumes, ErrorList]:
    """The volumes that are good, and the errors of the others. `pod_name` is empty for templates."""
    errors: ErrorList = []
    good: Volumes = {}
    generated = _generated_claims(volumes, pod_name)
    for i, volume in enumerate(volumes):
        found = _validate_volume(volume, good, pod_name, path.index(i), options)
        if found:
            errors += found
        else:
            good[volume["name"]] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if claim in generated:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(path.index(i).child("persistentVolumeClaim", "claimName"), claim, detail))
    return good, errors


def _generated_claims(volumes: list[Object], pod_name: str) -> set[str]:
    """The names of the claims that will be made for the pod's ephemeral volumes."""
    if not pod_name:
        return set()
    return {
        f"{pod_name}-{volume.get('name', '')}" for volume in volumes if volume.get("ephemeral") is not None
    }


def _validate_volume(
    volume: Object, known: Volumes, pod_name: str, path: Path, options: PodOptions
) -> ErrorList:
    name = volume.get("name", "")
    errors = _validate_source(volume, name, pod_name, path, options)
    if not name:
        errors.append(required(path.child("name")))
    else:
        errors += label_errors(path.child("name"), name)
    if name in known:
        errors.append(duplicate(path.child("name"), name))
    return errors


def _validate_source(volume: Object, name: str, pod_name: str, path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    found = False
    for field, rule in _SOURCES.items():
        source = volume.get(field)
        if source is None:
            continue
        if found:
            errors.append(forbidden(path.child(_NAMES_IN_REPETITIONS.get(field, field)), _ONE_TYPE))
        else:
            errors += rule(source, path.child(_NAMES_IN_PATHS.get(field, field)), options)
            if field == "ephemeral":
                errors += _validate_generated_name(name, pod_name, path)
        if field == "iscsi":
            errors += volumesource.validate_iscsi_name_length(source, path, name)
        found = True
    if not found:
        errors.append(required(path, "must specify a volume type"))
    return errors


def _validate_generated_name(name: str, pod_name: str, path: Path) -> ErrorList:
    if not name or not pod_name:
        return []
    claim = f"{pod_name}-{name}"
    return [
        invalid(path.child("name"), name, f"PVC name {quote(claim)}: {problem}")
        for problem in names.dns1123_subdomain(claim)
    ]


def _empty_dir(source: Object, path: Path, options: PodOptions) -> ErrorList:
    limit = source.get("sizeLimit")
    if limit is None or Quantity.parse(limit).sign >= 0:
        return []
    return [forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]


def _secret(source: Object, path: Path, options: PodOptions) -> ErrorList:
    return _keyed(source, "secretName", path)


def _config_map(source: Object, path: Path, options: PodOptions) -> ErrorList:
    return _keyed(source, "name", path)


def _keyed(source: Object, name_field: str, path: Path) -> ErrorList:
    errors = volumesource.required_fields(source, path, name_field)
    errors += volumesource.file_mode_errors(source.get("defaultMode"), path.child("defaultMode"))
    return errors + validate_items(source.get("items") or [], path.child("items"))


def _ephemeral(source: Object, path: Path, options: PodOptions) -> ErrorList:
    template = source.get("volumeClaimTemplate")
    at = path.child("volumeClaimTemplate")
    return [required(at)] if template is None else validate_claim_template(template, at, ClaimOptions())


def _image(source: Object, path: Path, options: PodOptions) -> ErrorList:
    errors: ErrorList = []
    if options.is_pod and not source.get("reference") and not options.empty_image_reference:
        errors.append(required(path.child("reference")))
    return errors + one_of(path.child("pullPolicy"), source.get("pullPolicy", ""), PULL_POLICIES)


def _plain(rule: Callable[[Object, Path], ErrorList]) -> Callable[[Object, Path, PodOptions], ErrorList]:
    """A source whose rule does not depend on options."""
    return lambda source, path, options: rule(source, path)


_SOURCES: dict[str, Callable[[Object, Path, PodOptions], ErrorList]] = {
    "emptyDir": _empty_dir,
    "hostPath": _plain(volumesource.validate_host_path),
    "gitRepo": _plain(volumesource.validate_git_repo),
    "gcePersistentDisk": _plain(volumesource.validate_gce_disk),
    "awsElasticBlockStore": _plain(volumesource.validate_aws_disk),
    "secret": _secret,
    "nfs": _plain(volumesource.validate_nfs),
    "iscsi": _plain(volumesource.validate_iscsi),
    "glusterfs": _plain(volumesource.validate_glusterfs),
    "flocker": _plain(volumesource.validate_flocker),
    "persistentVolumeClaim": _plain(volumesource.validate_claim_reference),
    "rbd": _plain(volumesource.validate_rbd),
    "cinder": _plain(volumesource.validate_cinder),
    "cephfs": _plain(volumesource.validate_cephfs),
    "quobyte": _plain(volumesource.validate_quobyte),
    "downwardAPI": _plain(validate_downward_api),
    "fc": _plain(volumesource.validate_fc),
    "flexVolume": _plain(volumesource.validate_flex),
    "configMap": _config_map,
    "azureFile": _plain(volumesource.validate_azure_file),
    "vsphereVolume": _plain(volumesource.validate_vsphere),
    "photonPersistentDisk": _plain(volumesource.validate_photon),
    "portworxVolume": _plain(volumesource.validate_portworx),
    "azureDisk": _plain(volumesource.validate_azure_disk),
    "storageos": _plain(volumesource.validate_storage_os),
    "projected": validate_projected,
    "scaleIO": _plain(volumesource.validate_scale_io),
    "csi": _plain(volumesource.validate_csi),
    "ephemeral": _ephemeral,
    "image": _image,
}
"""In upstream's order, which decides which of several sources is the one that counts."""
