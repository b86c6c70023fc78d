"""The resources that kube-apiserver 1.36 serves without flags: names, verbs, subresources, and where they
are stored.

The table itself is in resourcetable.py. Alpha and beta versions are not served by default and are not in
it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sekisho.api.types import GroupResource, GroupVersion, GroupVersionKind
from sekisho.schema import resourcetable as table

_NOWHERE = GroupVersionKind("", "", "")
READS_OF_ONE = frozenset({"get", "update", "patch", "delete"})


@dataclass(frozen=True, slots=True)
class SubresourceInfo:
    """A subresource; `gvk` is the kind of its bodies."""

    name: str
    gvk: GroupVersionKind
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """One resource of one served version. Verbs and subresources are sorted.

    `storage_gvk` is the kind its objects are stored as, `key_prefix` the folder of its keys below
    `/registry/`; resources with the same folder are views of the same objects. `storage_version_hash` is
    empty for kinds that are never stored. `deprecation_warning` is sent with every answer when it is not
    empty.
    """

    group: str
    version: str
    resource: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, SubresourceInfo] = field(default_factory=dict)
    storage_gvk: GroupVersionKind = _NOWHERE
    key_prefix: str = ""
    storage_version_hash: str = ""
    deprecation_warning: str = ""

    @property
    def gvk(self) -> GroupVersionKind:
        return GroupVersionKind(self.group, self.version, self.kind)

    @property
    def group_version(self) -> GroupVersion:
        return GroupVersion(self.group, self.version)

    @property
    def group_resource(self) -> GroupResource:
        return GroupResource(self.group, self.resource)

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"

    @property
    def go_package(self) -> str:
        """The package of upstream's internal type, which some messages show."""
        return internal_package(self.group)

    @property
    def named_verbs(self) -> bool:
        """Whether objects can be addressed by name: not those of kinds that are only created."""
        return not READS_OF_ONE.isdisjoint(self.verbs)


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """An API group: its rank in discovery, and its versions with theirs, the preferred one first."""

    name: str
    priority: int
    versions: tuple[tuple[str, int], ...]

    @property
    def preferred(self) -> str:
        return self.versions[0][0]


def internal_package(group: str) -> str:
    """`core` of the core group, `rbac` of rbac.authorization.k8s.io. Events of both groups are core's."""
    package = group.partition(".")[0] or "core"
    return "core" if package == "events" else package


def storage_version_hash(kind: GroupVersionKind) -> str:
    """What discovery shows of the version that a kind is stored in."""
    digest = hashlib.sha256(f"{kind.group}/{kind.version}/{kind.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


@functools.cache
def builtin_groups() -> tuple[GroupInfo, ...]:
    """The groups in the order of discovery. The first is the aggregator's own, which has no APIService."""
    return tuple(GroupInfo(*row) for row in table.GROUPS)


@functools.cache
def builtin_resources() -> tuple[ResourceInfo, ...]:
    """All built-in resources; groups in the order of discovery, preferred versions first, then by name."""
    return tuple(
        _resource(group.name, version, row)
        for group in builtin_groups()
        for version, _ in group.versions
        for row in table.RESOURCES[group.name, version]
    )


def _resource(group: str, version: str, row: table.Row) -> ResourceInfo:
    kind = GroupVersionKind(group, version, row.kind)
    stored_as = GroupVersionKind(*table.STORED_AS.get((group, version, row.name), kind))
    hashed = GroupVersionKind(*table.UPSTREAM_STORES.get((group, row.name), stored_as))
    stored = "watch" in row.verbs
    return ResourceInfo(
        group=group,
        version=version,
        resource=row.name,
        kind=row.kind,
        namespaced=row.namespaced,
        verbs=row.verbs,
        singular=row.kind.lower(),
        short_names=row.short_names,
        categories=row.categories,
        subresources={name: _subresource(kind, name) for name in row.subresources},
        storage_gvk=stored_as,
        key_prefix=_key_prefix(group, row.name),
        storage_version_hash=storage_version_hash(hashed) if stored else "",
        deprecation_warning=table.DEPRECATED.get((group, version, row.kind), ""),
    )


def _subresource(parent: GroupVersionKind, name: str) -> SubresourceInfo:
    found = table.SUBRESOURCES[name]
    connect = f"{parent.kind}{found.kind}" if found.kind.endswith("Options") else found.kind
    kind = GroupVersionKind(
        found.group or parent.group, found.version or parent.version, connect or parent.kind
    )
    return SubresourceInfo(name, kind, found.verbs)


def _key_prefix(group: str, resource: str) -> str:
    """Most folders carry no group; some resources kept the names of their youth."""
    if group in table.GROUPED_KEYS:
        return f"{group}/{resource}"
    return table.KEY_PREFIXES.get((group, resource), resource)
