"""NamespaceLifecycle: nothing is written into a namespace that is missing or going away.

The three namespaces that the system needs cannot be deleted. Follows upstream's
staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle; the watch cache is never behind
here, so there is no wait for a namespace that was just made.
"""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.status import StatusError, forbidden, not_found
from sekisho.api.types import GroupResource

IMMORTAL = frozenset(("default", "kube-system", "kube-public"))
_NAMESPACES = GroupResource("", "namespaces")
_ACCESS_REVIEW = GroupResource("authorization.k8s.io", "localsubjectaccessreviews")


class NamespaceLifecycle(Plugin):
    """Refuses in the mutating phase, before anything else looks at the object."""

    name = "NamespaceLifecycle"
    may_change = frozenset[str]()

    async def admit(self, request: AdmissionRequest) -> None:
        if request.group_resource == _NAMESPACES:
            if request.operation is Operation.DELETE and request.name in IMMORTAL:
                raise forbidden(_NAMESPACES, request.name, "this namespace may not be deleted")
            return
        if not request.namespace or request.operation not in (Operation.CREATE, Operation.UPDATE):
            return
        if request.group_resource == _ACCESS_REVIEW:
            return
        namespace = request.lookup.get("namespaces", "", request.namespace)
        if namespace is None:
            raise not_found(_NAMESPACES, request.namespace)
        if request.operation is Operation.CREATE and _terminating(namespace):
            raise _going_away(request)


def _terminating(namespace: dict[str, object]) -> bool:
    status = namespace.get("status")
    return isinstance(status, dict) and status.get("phase") == "Terminating"


def _going_away(request: AdmissionRequest) -> StatusError:
    name = request.namespace
    error = request.forbidden(
        f"unable to create new content in namespace {name} because it is being terminated"
    )
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {name} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error
