"""Volumes made of files: keys of Secrets and ConfigMaps, fields of the pod, tokens, all of them together."""

from __future__ import annotations

from sekisho.api.field import ErrorList, Path, forbidden, invalid, required
from sekisho.api.types import Object
from sekisho.schema.validation.common import local_file_path
from sekisho.schema.validation.env import validate_pod_field, validate_resource_field
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.volumesource import file_mode_errors, required_fields

SHORTEST_TOKEN = 600
LONGEST_TOKEN = 2**32

_CONFLICT = "conflicting duplicate paths"


def validate_items(items: list[Object], path: Path) -> ErrorList:
    """Which key becomes which file."""
    errors: ErrorList = []
    for i, item in enumerate(items):
        errors += _validate_item(item, path.index(i))
    return errors


def _validate_item(item: Object, path: Path) -> ErrorList:
    errors = required_fields(item, path, "key", "path")
    errors += local_file_path(path.child("path"), item.get("path", ""))
    return errors + file_mode_errors(item.get("mode"), path.child("mode"))


def validate_downward_api(source: Object, path: Path) -> ErrorList:
    errors = file_mode_errors(source.get("defaultMode"), path.child("defaultMode"))
    for item in source.get("items") or ():
        errors += _validate_downward_file(item, path)
    return errors


def _validate_downward_file(file: Object, path: Path) -> ErrorList:
    """Upstream names the whole source, not the item."""
    errors = required_fields(file, path, "path")
    errors += local_file_path(path.child("path"), file.get("path", ""))
    field, resource = file.get("fieldRef"), file.get("resourceFieldRef")
    if field is not None:
        errors += validate_pod_field(field, path.child("fieldRef"), volume=True)
        if resource is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", detail))
    elif resource is not None:
        errors += validate_resource_field(resource, path.child("resourceFieldRef"), volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + file_mode_errors(file.get("mode"), path.child("mode"))


def validate_projected(source: Object, path: Path, options: PodOptions) -> ErrorList:
    errors = file_mode_errors(source.get("defaultMode"), path.child("defaultMode"))
    files: set[str] = set()
    for i, part in enumerate(source.get("sources") or ()):
        at = path.child("sources").index(i)
        for field in ("secret", "configMap"):
            if part.get(field) is not None:
                errors += _validate_keys(part[field], at.child(field), path, files)
        if part.get("downwardAPI") is not None:
            errors += _validate_downward_part(part["downwardAPI"], at.child("downwardAPI"), path, files)
        if part.get("serviceAccountToken") is not None:
            errors += _validate_token(
                part["serviceAccountToken"], at.child("serviceAccountToken"), path, options
            )
        if sum(value is not None for value in part.values()) > 1:
            errors.append(forbidden(at, "may not specify more than 1 volume type per source"))
    return errors


def _validate_keys(part: Object, path: Path, volume: Path, files: set[str]) -> ErrorList:
    errors = required_fields(part, path, "name")
    for i, item in enumerate(part.get("items") or ()):
        errors += _validate_item(item, path.child("items").index(i))
        errors += _take(item.get("path", ""), part.get("name", ""), volume, files)
    return errors


def _validate_downward_part(part: Object, path: Path, volume: Path, files: set[str]) -> ErrorList:
    errors: ErrorList = []
    for item in part.get("items") or ():
        errors += _validate_downward_file(item, path)
        errors += _take(item.get("path", ""), item.get("path", ""), volume, files)
    return errors


def _take(file: str, shown: str, volume: Path, files: set[str]) -> ErrorList:
    """Reserve a file's name; upstream shows the object's name when it is taken."""
    if not file:
        return []
    if file in files:
        return [invalid(volume, shown, _CONFLICT)]
    files.add(file)
    return []


def _validate_token(token: Object, path: Path, volume: Path, options: PodOptions) -> ErrorList:
    """The path of a token is reported on the volume, as upstream does."""
    lifetime = token.get("expirationSeconds", 0)
    at = path.child("expirationSeconds")
    errors: ErrorList = []
    if lifetime < SHORTEST_TOKEN:
        errors.append(invalid(at, lifetime, "may not specify a duration less than 10 minutes"))
    if lifetime > LONGEST_TOKEN:
        errors.append(invalid(at, lifetime, "may not specify a duration larger than 2^32 seconds"))
    file = token.get("path", "")
    if not file:
        errors.append(required(volume.child("path")))
    elif not options.non_local_token_path:
        errors += local_file_path(volume.child("path"), file)
    return errors
