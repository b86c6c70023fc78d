"""The plugin: who is a node, and which check a resource gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sekisho.admission.interface import AdmissionRequest, Plugin
from sekisho.admission.noderestriction import nodes, pods, storage, tokens, various
from sekisho.api.goformat import quote
from sekisho.api.nodeidentity import node_name

Check = Callable[[str, AdmissionRequest], Awaitable[None]]

_CHECKS: dict[tuple[str, str], Check] = {
    ("", "pods"): pods.check,
    ("", "nodes"): nodes.check,
    ("", "persistentvolumeclaims"): storage.check_claim,
    ("", "serviceaccounts"): tokens.check,
    ("coordination.k8s.io", "leases"): various.check_lease,
    ("storage.k8s.io", "csinodes"): storage.check_csi_node,
    ("resource.k8s.io", "resourceslices"): various.check_resource_slice,
    ("certificates.k8s.io", "certificatesigningrequests"): various.check_signing_request,
    ("certificates.k8s.io", "podcertificaterequests"): various.check_pod_certificate,
}


class NodeRestriction(Plugin):
    """Refuses in the mutating phase, as upstream does; users that are no nodes pass."""

    name = "NodeRestriction"
    may_change = frozenset[str]()

    async def admit(self, request: AdmissionRequest) -> None:
        node = node_name(request.user)
        if node is None:
            return
        if not node:
            raise request.forbidden(f"could not determine node from user {quote(request.user.name)}")
        check = _CHECKS.get((request.info.group, request.info.resource))
        if check is not None:
            await check(node, request)
