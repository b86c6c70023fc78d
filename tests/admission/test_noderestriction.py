"""What a node may and may not write, in upstream's words."""

from __future__ import annotations

import asyncio
import base64
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sekisho.admission.interface import AdmissionRequest, Operation
from sekisho.admission.noderestriction import NodeRestriction
from sekisho.admission.noderestriction.nodes import may_set
from sekisho.api.status import StatusError
from sekisho.api.types import Decision, UserInfo, Verdict

NODE = UserInfo("system:node:n1", groups=("system:nodes", "system:authenticated"))


class Lookup:
    def __init__(self, objects):
        self.objects = objects

    def get(self, resource, namespace, name):
        return self.objects.get((resource, namespace, name))

    def list(self, resource, namespace):
        return [o for (r, ns, _), o in self.objects.items() if r == resource and namespace in ("", ns)]


class Fixed:
    def __init__(self, decision):
        self.decision = decision
        self.asked = []

    async def authorize(self, attributes):
        self.asked.append(attributes)
        return Verdict(self.decision)


def admit(
    resource,
    operation=Operation.CREATE,
    obj=None,
    old=None,
    *,
    user=NODE,
    subresource="",
    namespace="ns",
    name="x",
    objects=None,
    authorizer=None,
):
    plural, _, group = resource.partition(".")
    request = AdmissionRequest(
        operation=operation,
        info=SimpleNamespace(group=group, resource=plural, version="v1"),
        user=user,
        lookup=Lookup(objects or {}),
        authorizer=authorizer or Fixed(Decision.NO_OPINION),
        object=obj,
        old_object=old,
        subresource=subresource,
        namespace=namespace,
        name=name,
    )
    asyncio.run(NodeRestriction().admit(request))


def refusal(*args, **kwargs):
    with pytest.raises(StatusError) as caught:
        admit(*args, **kwargs)
    return caught.value.message.partition(" is forbidden: ")[2] or caught.value.message


def pod(node="n1", *, spec=None, metadata=None, status=None):
    return {
        "metadata": {"name": "x", "uid": "p1", **(metadata or {})},
        "spec": {"nodeName": node, **(spec or {})},
        "status": status or {},
    }


OWNER = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u1", "controller": True}
MIRROR = {"annotations": {"kubernetes.io/config.mirror": "h"}, "ownerReferences": [OWNER]}
NODES = {("nodes", "", "n1"): {"metadata": {"name": "n1", "uid": "u1"}}}


def mirror(**changes):
    return pod(metadata={**MIRROR, "ownerReferences": [{**OWNER, **changes}]})


def test_users_that_are_no_nodes_pass():
    admit("nodes", obj={"metadata": {}}, user=UserInfo("bob"))
    admit("nodes", obj={"metadata": {}}, user=UserInfo("system:node:n1"))
    assert "could not determine node from user" in refusal(
        "nodes", user=UserInfo("system:node:", groups=("system:nodes",))
    )


def test_a_proper_mirror_pod():
    admit("pods", obj=mirror(), objects=NODES)


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        (
            pod(),
            'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
        ),
        (pod("n2", metadata=MIRROR), 'node "n1" can only create pods with spec.nodeName set to itself'),
        (
            pod(metadata={**MIRROR, "ownerReferences": [OWNER, OWNER]}),
            'node "n1" can only create pods with a single owner reference set to itself',
        ),
        (mirror(kind="Pod"), 'node "n1" can only create pods with an owner reference set to itself'),
        (
            mirror(controller=False),
            'node "n1" can only create pods with a controller owner reference set to itself',
        ),
        (
            mirror(blockOwnerDeletion=True),
            'node "n1" must not set blockOwnerDeletion on an owner reference',
        ),
        (mirror(uid="other"), "node n1 UID mismatch: expected other got u1"),
    ],
)
def test_refused_mirror_pods(obj, text):
    assert refusal("pods", obj=obj, objects=NODES) == text


def test_a_node_that_is_not_there():
    assert refusal("pods", obj=mirror()) == 'node "n1" not found'


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"serviceAccountName": "s"}, "serviceaccounts"),
        ({"imagePullSecrets": [{"name": "s"}]}, "secrets"),
        ({"volumes": [{"azureFile": {"secretName": "s"}}]}, "secrets"),
        ({"volumes": [{"azureFile": {}}]}, "secrets (via azureFile volumes)"),
        ({"containers": [{"envFrom": [{"configMapRef": {"name": "c"}}]}]}, "configmaps"),
        ({"resourceClaims": [{"name": "r"}]}, "resourceclaims"),
        ({"volumes": [{"csi": {"driver": "d"}}]}, "csidrivers (via CSI volumes)"),
        ({"volumes": [{"persistentVolumeClaim": {"claimName": "c"}}]}, "persistentvolumeclaims"),
        ({"volumes": [{"ephemeral": {}}]}, "persistentvolumeclaims (via ephemeral volumes)"),
        (
            {"volumes": [{"projected": {"sources": [{"serviceAccountToken": {}}]}}]},
            "serviceaccounts (via projected volumes)",
        ),
    ],
)
def test_mirror_pods_refer_to_nothing(spec, what):
    obj = pod(spec=spec, metadata=MIRROR)
    assert refusal("pods", obj=obj, objects=NODES) == f'node "n1" can not create pods that reference {what}'


def test_other_operations_on_pods():
    objects = {("pods", "ns", "x"): pod("n2"), ("pods", "ns", "mine"): pod()}
    assert refusal("pods", Operation.DELETE, objects=objects) == (
        'node "n1" can only delete pods with spec.nodeName set to itself'
    )
    admit("pods", Operation.DELETE, objects=objects, name="mine")
    assert refusal("pods", Operation.UPDATE, pod(), pod()) == (
        'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods'
    )
    assert refusal("pods", obj={}, subresource="binding") == (
        "unexpected pod subresource \"binding\", only 'status' and 'eviction' are allowed"
    )
    assert refusal("pods", obj={}, subresource="eviction", objects=objects) == (
        "node n1 can only evict pods with spec.nodeName set to itself"
    )
    assert refusal("pods", obj={}, subresource="eviction") == 'pod "x" not found'
    admit("pods", obj={}, subresource="eviction", objects=objects, name="mine")


def status_update(new, old):
    return refusal("pods", Operation.UPDATE, new, old, subresource="status")


def test_status_of_pods():
    admit("pods", Operation.UPDATE, pod(status={"phase": "Running"}), pod(), subresource="status")
    assert status_update(pod(), pod("n2")) == (
        'node "n1" can only update pod status for pods with spec.nodeName set to itself'
    )
    assert status_update(pod(metadata={"labels": {"a": "b"}}), pod()) == (
        'node "n1" cannot update labels through pod status'
    )
    assert status_update(pod(status={"resourceClaimStatuses": [{"name": "a"}]}), pod()) == (
        'node "n1" cannot update resource claim statues'
    )
    assert status_update(pod(status={"extendedResourceClaimStatus": {}}), pod()) == (
        'node "n1" cannot update extended resource claim status'
    )


def node(labels=None, **spec):
    return {"metadata": {"name": "n1", "labels": labels or {}}, "spec": spec}


def test_the_node_object():
    assert refusal("nodes", obj=node(), name="n2") == 'node "n1" is not allowed to modify node "n2"'
    bad = {"node-role.kubernetes.io/x": "", "a.node-restriction.kubernetes.io/b": "", "plain": ""}
    assert refusal("nodes", obj=node(bad), name="n1") == (
        'node "n1" is not allowed to set the following labels: a.node-restriction.kubernetes.io/b, '
        "node-role.kubernetes.io/x"
    )
    update = {"name": "n1", "namespace": ""}
    taint = [{"key": "a", "effect": "NoSchedule"}]
    assert refusal("nodes", Operation.UPDATE, node(taints=taint), node(), **update) == (
        'node "n1" is not allowed to modify taints'
    )
    assert refusal("nodes", Operation.UPDATE, node(), node(bad), **update) == (
        "is not allowed to modify labels: a.node-restriction.kubernetes.io/b, node-role.kubernetes.io/x"
    )
    admit("nodes", Operation.UPDATE, node({"plain": "2"}), node({"plain": "1"}), **update)


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("plain", True),
        ("example.com/x", True),
        ("kubernetes.io/os", True),
        ("kubelet.kubernetes.io/x", True),
        ("a.node.kubernetes.io/x", True),
        ("kubernetes.io/foo", False),
        ("foo.k8s.io/bar", False),
        ("node-restriction.kubernetes.io/x", False),
    ],
)
def test_labels_of_nodes(key, allowed):
    assert may_set(key) is allowed


def test_claims():
    old = {"metadata": {"name": "x", "resourceVersion": "1"}, "spec": {}, "status": {"phase": "Bound"}}
    new = {**old, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    admit("persistentvolumeclaims", Operation.UPDATE, new, old, subresource="status")
    assert refusal("persistentvolumeclaims", Operation.UPDATE, new, old) == "may only update PVC status"
    new = {**old, "status": {"phase": "Lost"}}
    assert refusal("persistentvolumeclaims", Operation.UPDATE, new, old, subresource="status") == (
        'node "n1" is not allowed to update fields other than status.quantity and status.conditions: status.phase'
    )


def test_leases_csi_nodes_and_slices():
    lease = {"metadata": {"name": "n1"}}
    admit("leases.coordination.k8s.io", obj=lease, namespace="kube-node-lease", name="")
    assert refusal("leases.coordination.k8s.io", obj=lease, name="n1") == (
        'can only access leases in the "kube-node-lease" system namespace'
    )
    assert refusal("leases.coordination.k8s.io", Operation.UPDATE, lease, namespace="kube-node-lease") == (
        "can only access node lease with the same name as the requesting node"
    )
    assert refusal("csinodes.storage.k8s.io", obj={"metadata": {"name": "n2"}}) == (
        "can only access CSINode with the same name as the requesting node"
    )
    admit("resourceslices.resource.k8s.io", obj={"spec": {"nodeName": "n1"}})
    assert refusal("resourceslices.resource.k8s.io", Operation.DELETE, old={"spec": {"nodeName": "n2"}}) == (
        "can only delete ResourceSlice with the same NodeName as the requesting node"
    )


def signing_request(common_name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM)
    spec = {"signerName": "kubernetes.io/kubelet-serving", "request": base64.b64encode(pem).decode()}
    return {"metadata": {"name": "c"}, "spec": spec}


def test_signing_requests():
    resource = "certificatesigningrequests.certificates.k8s.io"
    admit(resource, obj=signing_request("system:node:n1"))
    text = "can only create a node CSR with CN=system:node:n1"
    assert refusal(resource, obj=signing_request("system:node:n2")) == text
    bad = {"spec": {"signerName": "kubernetes.io/kubelet-serving", "request": ""}}
    assert refusal(resource, obj=bad) == "unable to parse csr: PEM block type must be CERTIFICATE REQUEST"


def token_request(ref=None, audiences=()):
    spec = {"audiences": list(audiences)}
    if ref is not None:
        spec["boundObjectRef"] = ref
    return {"spec": spec}


REF = {"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "p1"}


def token(obj, objects, **kwargs):
    return refusal("serviceaccounts", obj=obj, subresource="token", objects=objects, **kwargs)


def test_tokens_are_bound_to_own_pods():
    objects = {("pods", "ns", "x"): pod(), ("pods", "ns", "y"): pod("n2")}
    assert token(token_request(), objects) == "node requested token not bound to a pod"
    assert token(token_request({**REF, "uid": ""}), objects) == (
        "node requested token with a pod binding without a uid"
    )
    assert token(token_request({**REF, "name": "z"}), objects) == 'pod "z" not found'
    assert token(token_request({**REF, "uid": "old"}), objects).startswith(
        "the UID in the bound object reference (old) does not match the UID in record."
    )
    assert token(token_request({**REF, "name": "y"}), objects) == (
        "node requested token bound to a pod scheduled on a different node"
    )
    assert token(token_request(REF, ("a", "b")), objects) == "node may only request 0 or 1 audiences"


def test_audiences_of_tokens():
    projected = {"projected": {"sources": [{"serviceAccountToken": {"audience": "vault"}}]}}
    claim = {"persistentVolumeClaim": {"claimName": "c"}}
    objects = {
        ("pods", "ns", "x"): pod(spec={"volumes": [projected, claim]}),
        ("persistentvolumeclaims", "ns", "c"): {"spec": {"volumeName": "v"}},
        ("persistentvolumes", "", "v"): {"spec": {"csi": {"driver": "d"}}},
        ("csidrivers.storage.k8s.io", "", "d"): {"spec": {"tokenRequests": [{"audience": "csi"}]}},
    }
    for audience in ("vault", "csi"):
        admit("serviceaccounts", obj=token_request(REF, (audience,)), subresource="token", objects=objects)
    asked = Fixed(Decision.NO_OPINION)
    assert token(token_request(REF, ("other",)), objects, authorizer=asked) == (
        'audience "other" not found in pod spec volume, system:node:n1 is not authorized to request tokens for '
        "this audience"
    )
    (a,) = asked.asked
    assert (a.verb, a.resource, a.namespace, a.name) == (
        "request-serviceaccounts-token-audience",
        "other",
        "ns",
        "x",
    )
    admit(
        "serviceaccounts",
        obj=token_request(REF, ("other",)),
        subresource="token",
        objects=objects,
        authorizer=Fixed(Decision.ALLOW),
    )
    del objects["csidrivers.storage.k8s.io", "", "d"]
    assert token(token_request(REF, ("other",)), objects) == (
        'error validating audience "other": csidriver.storage.k8s.io "d" not found'
    )
