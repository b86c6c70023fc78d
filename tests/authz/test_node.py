"""The Node authorizer: which objects a node sees, and what it says otherwise."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.api.types import Attributes, Decision, Requirement, UserInfo
from sekisho.authz.bootstrap import default_policy, node_rules
from sekisho.authz.node import NodeAuthorizer
from sekisho.authz.nodegraph import NodeGraph

RULES = node_rules(default_policy())
NODE = UserInfo("system:node:n1", groups=("system:nodes",))
OURS = (Requirement("spec.nodeName", "=", ("n1",)),)


def pod(name="p", node="n1", *, annotations=None, status=None, uid="u", **spec):
    metadata = {"name": name, "namespace": "ns", "uid": uid}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"nodeName": node, **spec}, "status": status or {}}


def volume(name="pv", claim="c", **spec):
    ref = {"namespace": "ns", "name": claim} if claim else None
    return {"metadata": {"name": name}, "spec": {**({"claimRef": ref} if ref else {}), **spec}}


def authorizer(*pods, volumes=(), **others):
    graph = NodeGraph()
    for obj in pods:
        graph.upsert("pods", obj)
    for obj in volumes:
        graph.upsert("persistentvolumes", obj)
    for resource, objects in others.items():
        for obj in objects:
            graph.upsert(resource, obj)
    return NodeAuthorizer(graph, RULES)


def ask(made, verb, resource, name="", *, namespace="ns", subresource="", selector=None, user=NODE):
    plural, _, group = resource.partition(".")
    return made.decide(
        Attributes(
            user,
            verb,
            namespace=namespace,
            api_group=group,
            api_version="v1",
            resource=plural,
            subresource=subresource,
            name=name,
            field_selector=selector,
        )
    )


def allowed(*args, **kwargs):
    return ask(*args, **kwargs).allowed


def reason(*args, **kwargs):
    verdict = ask(*args, **kwargs)
    assert verdict.decision is Decision.NO_OPINION
    return verdict.reason


UNRELATED = "no relationship found between node 'n1' and this object"


def test_only_nodes_are_its_affair():
    made = authorizer(pod())
    assert reason(made, "get", "pods", "p", user=UserInfo("system:node:n1")) == ""
    assert reason(made, "get", "pods", "p", user=UserInfo("bob", groups=("system:nodes",))) == ""
    nameless = UserInfo("system:node:", groups=("system:nodes",))
    assert reason(made, "get", "pods", "p", user=nameless) == 'unknown node for user "system:node:"'


SPEC = {
    "serviceAccountName": "sa",
    "imagePullSecrets": [{"name": "pull"}],
    "containers": [
        {
            "envFrom": [{"secretRef": {"name": "env"}}, {"configMapRef": {"name": "cm-env"}}],
            "env": [{"valueFrom": {"secretKeyRef": {"name": "key"}}}],
        }
    ],
    "initContainers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "cm-key"}}}]}],
    "volumes": [
        {"name": "a", "secret": {"secretName": "mounted"}},
        {
            "name": "b",
            "projected": {"sources": [{"secret": {"name": "proj"}}, {"configMap": {"name": "cm-proj"}}]},
        },
        {"name": "c", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "d", "ephemeral": {}},
        {"name": "e", "csi": {"nodePublishSecretRef": {"name": "csi"}}},
        {"name": "f", "rbd": {"secretRef": {"name": "rbd"}}},
        {"name": "g", "configMap": {"name": "cm"}},
    ],
    "resourceClaims": [
        {"name": "r", "resourceClaimName": "rc"},
        {"name": "t", "resourceClaimTemplateName": "x"},
    ],
}
STATUS = {
    "resourceClaimStatuses": [{"name": "t", "resourceClaimName": "made"}],
    "extendedResourceClaimStatus": {"resourceClaimName": "extended"},
}


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        ("secrets", ("pull", "env", "key", "mounted", "proj", "csi", "rbd")),
        ("configmaps", ("cm-env", "cm-key", "cm-proj", "cm")),
        ("persistentvolumeclaims", ("claim", "p-d")),
        ("resourceclaims.resource.k8s.io", ("rc", "made", "extended")),
        ("serviceaccounts", ("sa",)),
    ],
)
def test_what_a_pod_uses(resource, names):
    made = authorizer(pod(**SPEC, status=STATUS))
    for name in names:
        assert allowed(made, "get", resource, name)
        assert reason(made, "get", resource, name, namespace="other") == UNRELATED
        other = UserInfo("system:node:n2", groups=("system:nodes",))
        assert "no relationship found between node 'n2'" in reason(made, "get", resource, name, user=other)
    assert reason(made, "get", resource, "unused") == UNRELATED
    assert reason(made, "get", resource, "") == "No Object name found"


def test_mirror_pods_and_pods_without_a_node_open_nothing():
    mirror = pod("m", annotations={"kubernetes.io/config.mirror": "x"}, **SPEC)
    made = authorizer(mirror, pod("q", "", **SPEC))
    assert reason(made, "get", "secrets", "pull") == UNRELATED
    assert allowed(made, "get", "pods", "m")
    assert reason(made, "get", "pods", "q") == UNRELATED


def test_reads_of_secrets():
    made = authorizer(pod(**SPEC))
    assert allowed(made, "watch", "secrets", "pull")
    assert reason(made, "update", "secrets", "pull") == "can only read resources of this type"
    assert reason(made, "get", "secrets", "pull", subresource="x") == "cannot read subresource"
    assert reason(made, "list", "secrets", namespace="") == "can only read namespaced object of this type"


def test_volumes_through_claims():
    csi = {
        "nodePublishSecretRef": {"namespace": "ns", "name": "publish"},
        "controllerPublishSecretRef": {"namespace": "ns", "name": "attach"},
    }
    bound = volume(claim="claim", csi=csi, azureFile={"secretName": "azure"})
    made = authorizer(pod(**SPEC), volumes=[bound, volume("free", "")])
    assert allowed(made, "get", "persistentvolumes", "pv", namespace="")
    assert reason(made, "get", "persistentvolumes", "free", namespace="") == UNRELATED
    assert reason(made, "list", "persistentvolumes", namespace="") == (
        "can only get individual resources of this type"
    )
    verdict = ask(made, "get", "secrets", "publish")
    assert verdict.evidence.path == (
        "secrets ns/publish",
        "persistentvolumes pv",
        "persistentvolumeclaims ns/claim",
        "pods ns/p",
    )
    assert allowed(made, "get", "secrets", "azure")
    assert reason(made, "get", "secrets", "attach") == UNRELATED
    assert allowed(made, "patch", "persistentvolumeclaims", "claim", subresource="status")
    assert reason(made, "get", "persistentvolumeclaims", "claim", subresource="status") == (
        "can only get/update/patch this type"
    )
    made.graph.remove("persistentvolumes", "", "pv")
    assert reason(made, "get", "secrets", "publish") == UNRELATED


def test_tokens():
    made = authorizer(pod(**SPEC))
    assert allowed(made, "create", "serviceaccounts", "sa", subresource="token")
    assert reason(made, "create", "serviceaccounts", "other", subresource="token") == UNRELATED
    assert reason(made, "create", "serviceaccounts", "sa") == (
        "can only create token subresource of serviceaccount"
    )
    assert reason(made, "delete", "serviceaccounts", "sa") == (
        "can only create tokens for individual service accounts"
    )


def test_leases_and_csi_nodes():
    made = authorizer()
    lease = {"namespace": "kube-node-lease"}
    assert allowed(made, "update", "leases.coordination.k8s.io", "n1", **lease)
    assert allowed(made, "create", "leases.coordination.k8s.io", **lease)
    assert reason(made, "list", "leases.coordination.k8s.io", **lease) == (
        "can only get, create, update, patch, or delete a node lease"
    )
    assert reason(made, "get", "leases.coordination.k8s.io", "n1") == (
        'can only access leases in the "kube-node-lease" system namespace'
    )
    assert reason(made, "get", "leases.coordination.k8s.io", "n2", **lease) == (
        "can only access node lease with the same name as the requesting node"
    )
    assert allowed(made, "get", "csinodes.storage.k8s.io", "n1", namespace="")
    assert reason(made, "get", "csinodes.storage.k8s.io", "n2", namespace="") == (
        "can only access CSINode with the same name as the requesting node"
    )


def test_resource_slices_and_attachments():
    ours = {"metadata": {"name": "s"}, "spec": {"nodeName": "n1"}}
    theirs = {"metadata": {"name": "t"}, "spec": {"nodeName": "n2"}}
    made = authorizer(resourceslices=[ours, theirs], volumeattachments=[ours])
    slices = "resourceslices.resource.k8s.io"
    assert allowed(made, "create", slices)
    assert allowed(made, "get", slices, "s", namespace="")
    assert reason(made, "get", slices, "t", namespace="") == UNRELATED
    assert allowed(made, "list", slices, selector=OURS)
    assert reason(made, "list", slices) == (
        "can only list/watch/deletecollection resourceslices with nodeName field selector"
    )
    assert reason(made, "frob", slices).startswith("only the following verbs are allowed")
    assert allowed(made, "get", "volumeattachments.storage.k8s.io", "s", namespace="")


def test_nodes():
    made = authorizer()
    assert allowed(made, "create", "nodes")
    assert allowed(made, "get", "nodes", "n1")
    assert allowed(made, "patch", "nodes", "n2", subresource="status")
    assert reason(made, "list", "nodes") == "node 'n1' cannot read all nodes, only its own Node object"
    assert reason(made, "get", "nodes", "n2") == "node 'n1' cannot read 'n2', only its own Node object"
    assert reason(made, "delete", "nodes", "n1") == ""
    assert reason(made, "get", "nodes", "n1", subresource="status") == ""


def test_pods():
    made = authorizer(pod(), pod("q", "n2"))
    assert allowed(made, "get", "pods", "p")
    assert reason(made, "get", "pods", "q") == UNRELATED
    assert allowed(made, "list", "pods", selector=OURS)
    assert allowed(made, "list", "pods", selector=(Requirement("status.phase", "=", ("Running",)), *OURS))
    assert allowed(made, "list", "pods", "p")
    for selector in (
        None,
        (Requirement("spec.nodeName", "!=", ("n1",)),),
        (Requirement("spec.nodeName", "=", ("n2",)),),
    ):
        assert reason(made, "list", "pods", selector=selector) == (
            "can only list/watch pods with spec.nodeName field selector"
        )
    assert allowed(made, "create", "pods")
    assert allowed(made, "patch", "pods", "q", subresource="status")
    assert allowed(made, "create", "pods", "q", subresource="eviction")
    assert reason(made, "patch", "pods", "p") == ""
    assert reason(made, "get", "pods", "p", subresource="log") == ""


def test_static_rules():
    made = authorizer()
    assert allowed(made, "create", "subjectaccessreviews.authorization.k8s.io", namespace="")
    assert allowed(made, "list", "services", namespace="")
    assert reason(made, "delete", "services", "x") == ""
    path = Attributes(NODE, "get", resource_request=False, path="/metrics")
    assert made.decide(path).decision is Decision.NO_OPINION


def test_rules_are_not_resolved():
    made = authorizer()
    rules = asyncio.run(made.rules_for(NODE, "ns"))
    assert rules.incomplete
    assert rules.error == "node authorizer does not support user rule resolution"
    assert not asyncio.run(made.rules_for(UserInfo("bob"), "ns")).incomplete


NAMES = st.sampled_from(("a", "b"))
PODS = st.builds(
    lambda name, node, secret, claim: pod(
        name,
        node,
        uid=f"{node}/{secret}/{claim}",
        imagePullSecrets=[{"name": secret}],
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": claim}}],
    ),
    NAMES,
    st.sampled_from(("n1", "n2", "")),
    NAMES,
    NAMES,
)
VOLUMES = st.builds(
    lambda name, claim, secret: volume(
        name, claim, csi={"nodeStageSecretRef": {"namespace": "ns", "name": secret}}
    ),
    NAMES,
    st.sampled_from(("a", "b", "")),
    NAMES,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.just("pods"), PODS),
        st.tuples(st.just("put"), st.just("persistentvolumes"), VOLUMES),
        st.tuples(st.just("drop"), st.just("pods"), PODS),
        st.tuples(st.just("drop"), st.just("persistentvolumes"), VOLUMES),
    ),
    max_size=10,
)


def related(objects, resource, name, node):
    """The relation spelled out over all objects."""
    pods = [o for (r, _), o in objects.items() if r == "pods" and o["spec"]["nodeName"] == node]
    claims = {p["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] for p in pods}
    bound = [
        o
        for (r, _), o in objects.items()
        if r == "persistentvolumes" and o["spec"].get("claimRef", {}).get("name") in claims
    ]
    if resource == "secrets":
        pulled = {p["spec"]["imagePullSecrets"][0]["name"] for p in pods}
        return name in pulled | {v["spec"]["csi"]["nodeStageSecretRef"]["name"] for v in bound}
    if resource == "persistentvolumes":
        return name in {v["metadata"]["name"] for v in bound}
    return name in claims


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_the_graph_follows_every_change(steps):
    graph, objects = NodeGraph(), {}
    for action, resource, obj in steps:
        name = obj["metadata"]["name"]
        if action == "put":
            objects[resource, name] = obj
            graph.upsert(resource, obj)
        else:
            objects.pop((resource, name), None)
            graph.remove(resource, "ns" if resource == "pods" else "", name)
        for asked in ("secrets", "persistentvolumes", "persistentvolumeclaims"):
            for name in ("a", "b"):
                for node in ("n1", "n2"):
                    namespace = "" if asked == "persistentvolumes" else "ns"
                    found = graph.path(asked, namespace, name, node) is not None
                    assert found == related(objects, asked, name, node)
