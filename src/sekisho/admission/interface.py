"""What an admission plugin is given and what it may do.

Follows k8s.io/apiserver/pkg/admission: mutating plugins run first (`admit`) and change `object` in place;
validating ones run after validation (`validate`) and only look. Both refuse by raising StatusError.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sekisho.api.status import StatusError, forbidden
from sekisho.api.types import Authorizer, GroupResource, Object, UserInfo

if TYPE_CHECKING:
    from sekisho.schema.resources import ResourceInfo


class Operation(enum.StrEnum):
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class Lookup(Protocol):
    """Reads of the watch cache. Resources are named `pods` or `deployments.apps`; objects are shared."""

    def get(self, resource: str, namespace: str, name: str) -> Object | None: ...

    def list(self, resource: str, namespace: str) -> Sequence[Object]: ...


@dataclass(slots=True)
class AdmissionRequest:
    """One write on its way in.

    `object` is None on delete and may be changed in `admit` only; `old_object` is shared and never changed.
    `name` is empty on a create whose name is not known yet. `options` are the Create/Update/DeleteOptions.
    """

    operation: Operation
    info: ResourceInfo
    user: UserInfo
    lookup: Lookup
    authorizer: Authorizer
    object: Object | None = None
    old_object: Object | None = None
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    dry_run: bool = False
    options: Object = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def group_resource(self) -> GroupResource:
        return GroupResource(self.info.group, self.info.resource)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def annotate(self, key: str, value: str) -> None:
        self.annotations.setdefault(key, value)

    def forbidden(self, text: str) -> StatusError:
        """The 403 of a plugin: `<resource> "<name>" is forbidden: <text>`. Where no name is known yet, the
        generateName stands for it, or `Unknown`."""
        metadata = (self.object or {}).get("metadata") or {}
        name = self.name or metadata.get("name") or metadata.get("generateName") or "Unknown"
        return forbidden(self.group_resource, name, text)


class Plugin:
    """Base of all plugins: does nothing. `name` is the one used with --enable-admission-plugins."""

    name = ""
    may_change: frozenset[str] | None = None
    """Plural names of the resources whose objects `admit` may change; None: any. What a plugin changed is looked
    for only there."""

    def configure(self, data: bytes) -> None:
        """Take what --admission-control-config-file says of this plugin, as YAML or JSON. Plugins without settings
        do not look at it, as upstream's. ValueError when it cannot be used."""

    async def admit(self, request: AdmissionRequest) -> None:
        """Change or refuse the object."""

    async def validate(self, request: AdmissionRequest) -> None:
        """Refuse the object."""
