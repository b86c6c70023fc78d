"""Which kind a body claims to be, and what upstream answers when that is not the kind of the endpoint.

Follows the decode step of upstream's create and update handlers: the kind is looked up first (in any case
of its letters), missing parts are the endpoint's, and a body of another registered kind is decoded as that
kind before its conversion is refused. All answers are 400.
"""

from __future__ import annotations

from typing import Any

import orjson

from sekisho.api.goformat import quote
from sekisho.api.status import StatusError, bad_request
from sekisho.api.types import GroupVersionKind
from sekisho.schema import builtin
from sekisho.schema.decode import DecodeError, decode
from sekisho.schema.jsonvalue import RepeatedKeys
from sekisho.schema.walk import describe

LEGACY_SCHEME = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"
META_SCHEME = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"
_SCHEMES = {
    "apiextensions.k8s.io": "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "k8s.io/kube-aggregator/pkg/apiserver/scheme/scheme.go:28",
}
"""Where upstream makes the registry of kinds of a group; its messages name the line."""

_KIND_STRUCT = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
_TEMPLATES = ("TemplateSpec", "ClaimTemplate")
_SUMMARY = 30


class UnrecognizedError(ValueError):
    """A body whose kind cannot be told; the message is upstream's."""


def claimed_kind(value: Any) -> GroupVersionKind:
    """The kind in the body, parts of it empty where it says nothing. Raises UnrecognizedError."""
    kind, api_version = _claims(value)
    slashes = api_version.count("/")
    if slashes > 1:
        raise UnrecognizedError(f"unexpected GroupVersion string: {api_version}")
    group, _, version = api_version.rpartition("/")
    return GroupVersionKind(group, version, kind)


def _claims(value: Any) -> tuple[str, str]:
    found = {"kind": "", "apiversion": ""}
    error = ""
    if value is not None and not isinstance(value, dict):
        error = f"cannot unmarshal {describe(value)} into Go value of type {_KIND_STRUCT}"
    elif value:
        for key, item in value.pairs if isinstance(value, RepeatedKeys) else value.items():
            name = key.casefold() if len(key) in (4, 10) else ""
            if name not in found or item is None:
                continue
            if isinstance(item, str):
                found[name] = item
            elif not error:
                field = "kind" if name == "kind" else "apiVersion"
                error = f"cannot unmarshal {describe(item)} into Go struct field .{field} of type string"
    if error:
        raise UnrecognizedError(f"couldn't get version/kind; json parse error: json: {error}")
    return found["kind"], found["apiversion"]


def with_defaults(claimed: GroupVersionKind, default: GroupVersionKind) -> GroupVersionKind:
    """What the body leaves open is the endpoint's."""
    group, version = claimed.group, claimed.version
    if not version and not group:
        group, version = default.group, default.version
    elif not version and group == default.group:
        version = default.version
    return GroupVersionKind(group, version, claimed.kind or default.kind)


def unrecognized(kind: GroupVersionKind, error: Exception | str, data: bytes) -> StatusError:
    """The answer to a body whose kind cannot be told."""
    return bad_request(
        f"the object provided is unrecognized (must be of type {kind.kind}): {error} ({_summary(data)})"
    )


def not_handled(actual: GroupVersionKind, kind: GroupVersionKind, error: Exception | str) -> StatusError:
    """The answer to a body of a known kind that cannot be decoded or converted."""
    return bad_request(
        f"{actual.kind} in version {quote(actual.version)} cannot be handled as a {kind.kind}: {error}"
    )


def check_kind(actual: GroupVersionKind, kind: GroupVersionKind, value: Any, data: bytes) -> None:
    """Refuse a body that is not of the endpoint's kind. Raises StatusError."""
    if actual == kind:
        return
    if not actual.version:
        raise not_handled(actual, kind, f"Object 'apiVersion' is missing in '{_text(data)}'")
    types = builtin.builtin_types()
    if actual.group != "meta.k8s.io" and types.has_kind(actual):
        try:
            decode(types.for_kind(actual), value)
        except DecodeError as error:
            raise not_handled(actual, kind, error)
    elif not _was_served(actual):
        raise not_handled(actual, kind, not_registered(actual, _SCHEMES.get(kind.group, LEGACY_SCHEME)))
    if internal_name(actual) != internal_name(kind):
        source = f"{actual.version}.{actual.kind}"
        raise not_handled(
            actual, kind, f"converting ({source}) to ({internal_name(kind)}): unknown conversion"
        )
    check_version(actual, kind)


def check_custom_kind(claimed: GroupVersionKind, kind: GroupVersionKind, data: bytes) -> None:
    """Refuse the body of a custom resource that names no kind or another version. Raises StatusError."""
    if not claimed.kind:
        raise unrecognized(kind, f"Object 'Kind' is missing in '{_text(data)}'", data)
    check_version(claimed, kind)


def check_version(actual: GroupVersionKind, kind: GroupVersionKind) -> None:
    """Refuse a body of another version than the endpoint's. Raises StatusError."""
    if actual[:2] != kind[:2]:
        raise bad_request(
            f"the API version in the data ({actual.api_version}) does not match the expected API version "
            f"({kind.api_version})"
        )


def not_registered(kind: GroupVersionKind, scheme: str) -> str:
    version = quote(kind.api_version)
    return f"no kind {quote(kind.kind)} is registered for version {version} in scheme {quote(scheme)}"


def internal_name(kind: GroupVersionKind) -> str:
    """Upstream's internal type of a kind, such as `core.Pod`. Both groups of Events share one."""
    package = kind.group.partition(".")[0] or "core"
    return f"{'core' if package == 'events' else package}.{kind.kind}"


def _was_served(kind: GroupVersionKind) -> bool:
    """Whether upstream still registers the kind in a version that is not served: alpha, beta and old ones.

    Told by the list of protobuf messages: kinds are those that begin with metadata. It is read on this rare
    occasion only."""
    if "alpha" not in kind.version and "beta" not in kind.version:
        return False
    package = f"k8s.io.api.{kind.group.partition('.')[0]}.{kind.version}"
    fields = orjson.loads(builtin.data_file("protobuf-fields.json")).get(f"{package}.{kind.kind}")
    return bool(fields) and fields[0][1] == "metadata" and not kind.kind.endswith(_TEMPLATES)


def _summary(data: bytes) -> str:
    if not data:
        return "<empty>"
    head = data[:_SUMMARY]
    shown = _text(head) if head.startswith(b"{") else head.hex()
    return f"{shown} ..." if len(data) > _SUMMARY else shown


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
