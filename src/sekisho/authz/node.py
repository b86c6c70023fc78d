"""The Node authorizer: what a kubelet may do, and with which objects.

It knows nodes by user name and group, never denies (RBAC may still allow), and judges by the graph of
`nodegraph`. What is not subdivided by node is answered by the static rules of ClusterRole `system:node`.
Follows upstream's plugin/pkg/auth/authorizer/node; refusals carry its texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sekisho.api.goformat import quote
from sekisho.api.nodeidentity import node_name
from sekisho.api.rbac import Rule, combined_resource
from sekisho.api.types import Attributes, Decision, Rules, UserInfo, Verdict
from sekisho.authz.nodegraph import NodeGraph
from sekisho.explain.evidence import NodeEvidence

NAME = "Node"
LEASE_NAMESPACE = "kube-node-lease"
_NO_OPINION = Verdict(Decision.NO_OPINION)
_CERTIFICATES = "certificates.k8s.io"

Check = Callable[[str, Attributes], Verdict]


class NodeAuthorizer:
    """`rules` are those of ClusterRole `system:node`; `pod_certificates` stands for that feature's gate."""

    name = NAME

    def __init__(self, graph: NodeGraph, rules: Sequence[Rule], *, pod_certificates: bool = False) -> None:
        self.graph = graph
        self._rules = tuple(rules)
        self._checks: dict[tuple[str, str], Check] = {
            ("", "secrets"): self._read,
            ("", "configmaps"): self._read,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get,
            ("resource.k8s.io", "resourceclaims"): self._get,
            ("storage.k8s.io", "volumeattachments"): self._get,
            ("", "serviceaccounts"): self._service_account,
            ("coordination.k8s.io", "leases"): self._lease,
            ("storage.k8s.io", "csinodes"): self._csi_node,
            ("resource.k8s.io", "resourceslices"): self._resource_slice,
            ("", "nodes"): self._node,
            ("", "pods"): self._pod,
        }
        if pod_certificates:
            self._checks[_CERTIFICATES, "podcertificaterequests"] = self._pod_certificate

    def decide(self, attributes: Attributes) -> Verdict:
        node = node_name(attributes.user)
        if node is None:
            return _NO_OPINION
        if not node:
            return _no(f"unknown node for user {quote(attributes.user.name)}")
        if attributes.resource_request:
            check = self._checks.get((attributes.api_group, attributes.resource))
            if check is not None:
                return check(node, attributes)
        return self._static(node, attributes)

    async def authorize(self, attributes: Attributes) -> Verdict:
        return self.decide(attributes)

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        if node_name(user) is None:
            return Rules([], [])
        return Rules([], [], True, "node authorizer does not support user rule resolution")

    def _related(self, node: str, a: Attributes) -> Verdict:
        if not a.name:
            return _no("No Object name found")
        path = self.graph.path(a.resource, a.namespace, a.name, node)
        if path is None:
            return _no(f"no relationship found between node '{node}' and this object")
        steps = tuple(str(vertex) for vertex in path)
        return Verdict(Decision.ALLOW, evidence=NodeEvidence(node, "related to the node", steps))

    def _read(self, node: str, a: Attributes) -> Verdict:
        if a.verb not in ("get", "list", "watch"):
            return _no("can only read resources of this type")
        if a.subresource:
            return _no("cannot read subresource")
        if not a.namespace:
            return _no("can only read namespaced object of this type")
        return self._related(node, a)

    def _get(self, node: str, a: Attributes) -> Verdict:
        if a.verb != "get":
            return _no("can only get individual resources of this type")
        if a.subresource:
            return _no("cannot get subresource")
        return self._related(node, a)

    def _claim(self, node: str, a: Attributes) -> Verdict:
        if a.subresource != "status":
            return self._get(node, a)
        if a.verb not in ("update", "patch"):
            return _no("can only get/update/patch this type")
        return self._related(node, a)

    def _service_account(self, node: str, a: Attributes) -> Verdict:
        if a.verb == "get" and not a.subresource:
            return self._read(node, a)
        if a.verb != "create" or not a.name:
            return _no("can only create tokens for individual service accounts")
        if a.subresource != "token":
            return _no("can only create token subresource of serviceaccount")
        return self._related(node, a)

    def _lease(self, node: str, a: Attributes) -> Verdict:
        if a.verb not in ("get", "create", "update", "patch", "delete"):
            return _no("can only get, create, update, patch, or delete a node lease")
        if a.namespace != LEASE_NAMESPACE:
            return _no(f"can only access leases in the {quote(LEASE_NAMESPACE)} system namespace")
        if a.verb != "create" and a.name != node:
            return _no("can only access node lease with the same name as the requesting node")
        return _yes(node, "its own lease")

    def _csi_node(self, node: str, a: Attributes) -> Verdict:
        if a.verb not in ("get", "create", "update", "patch", "delete"):
            return _no("can only get, create, update, patch, or delete a CSINode")
        if a.subresource:
            return _no("cannot authorize CSINode subresources")
        if a.verb != "create" and a.name != node:
            return _no("can only access CSINode with the same name as the requesting node")
        return _yes(node, "its own CSINode")

    def _resource_slice(self, node: str, a: Attributes) -> Verdict:
        if a.subresource:
            return _no("cannot authorize ResourceSlice subresources")
        if a.verb == "create":
            return _yes(node, "creating ResourceSlices")
        if a.verb in ("get", "update", "patch", "delete"):
            return self._related(node, a)
        if a.verb in ("list", "watch", "deletecollection"):
            if _selects_node(a, node):
                return _yes(node, "its own ResourceSlices")
            return _no("can only list/watch/deletecollection resourceslices with nodeName field selector")
        return _no(
            "only the following verbs are allowed for a ResourceSlice: "
            "get, watch, list, create, update, patch, delete, deletecollection"
        )

    def _node(self, node: str, a: Attributes) -> Verdict:
        if a.subresource == "status":
            return _yes(node, "the status of its Node") if a.verb in ("update", "patch") else _NO_OPINION
        if a.subresource:
            return _NO_OPINION
        if a.verb in ("create", "update", "patch"):
            return _yes(node, "writing its Node")
        if a.verb in ("get", "list", "watch"):
            if a.name == node:
                return _yes(node, "reading its Node")
            if not a.name:
                return _no(f"node '{node}' cannot read all nodes, only its own Node object")
            return _no(f"node '{node}' cannot read '{a.name}', only its own Node object")
        return _NO_OPINION

    def _pod(self, node: str, a: Attributes) -> Verdict:
        if not a.subresource:
            return self._pod_itself(node, a)
        if a.subresource == "status" and a.verb in ("update", "patch"):
            return _yes(node, "the status of pods")
        if a.subresource == "eviction" and a.verb == "create":
            return _yes(node, "evicting pods")
        return _NO_OPINION

    def _pod_itself(self, node: str, a: Attributes) -> Verdict:
        if a.verb == "get":
            return self._get(node, a)
        if a.verb in ("list", "watch"):
            if _selects_node(a, node):
                return _yes(node, "reading the pods of the node")
            if a.name:
                return self._related(node, a)
            return _no("can only list/watch pods with spec.nodeName field selector")
        if a.verb in ("create", "delete"):
            return _yes(node, "writing mirror pods")
        return _NO_OPINION

    def _pod_certificate(self, node: str, a: Attributes) -> Verdict:
        if a.subresource:
            return _no("nodes may not access the status subresource of PodCertificateRequests")
        if a.verb == "create":
            return _yes(node, "requesting pod certificates")
        if a.verb == "get":
            return self._related(node, a)
        if a.verb in ("list", "watch"):
            if _selects_node(a, node):
                return _yes(node, "reading the pod certificate requests of the node")
            return _no("can only list/watch podcertificaterequests with nodeName field selector")
        return _no(f"nodes may not {a.verb} podcertificaterequests")

    def _static(self, node: str, a: Attributes) -> Verdict:
        combined = combined_resource(a.resource, a.subresource)
        for rule in self._rules:
            if a.resource_request:
                allowed = rule.allows_resource(a.verb, a.api_group, combined, a.subresource, a.name)
            else:
                allowed = rule.allows_path(a.verb, a.path)
            if allowed:
                return _yes(node, "a rule of ClusterRole system:node")
        return _NO_OPINION


def _yes(node: str, permission: str) -> Verdict:
    return Verdict(Decision.ALLOW, evidence=NodeEvidence(node, permission))


def _no(reason: str) -> Verdict:
    return Verdict(Decision.NO_OPINION, reason)


def _selects_node(a: Attributes, node: str) -> bool:
    """Whether the field selector requires `spec.nodeName=<node>`; other terms may stand beside it."""
    return any(
        term.key == "spec.nodeName" and term.operator == "=" and term.values == (node,)
        for term in a.field_selector or ()
    )
