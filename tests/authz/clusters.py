"""Hypothesis strategies for small clusters of roles, bindings and requests, made to collide often."""

from __future__ import annotations

from hypothesis import strategies as st

from sekisho.api.types import Attributes, UserInfo

NAMESPACES = ("a", "b")
USERS = ("u", "v", "system:serviceaccount:a:s", "system:serviceaccount:b:s")
GROUPS = ("g", "h", "system:authenticated")
VERBS = ("get", "list", "create", "*")
API_GROUPS = ("", "apps", "*")
RESOURCES = ("pods", "pods/log", "*", "*/log", "nodes", "pods/*")
NAMES = ("x", "y")
URLS = ("/a", "/a/*", "*", "/b*")


def _some(values, low=1, high=2):
    return st.lists(st.sampled_from(values), min_size=low, max_size=high, unique=True)


resource_rules = st.fixed_dictionaries(
    {"verbs": _some(VERBS), "apiGroups": _some(API_GROUPS), "resources": _some(RESOURCES)},
    optional={"resourceNames": _some(NAMES, 0)},
)
path_rules = st.fixed_dictionaries({"verbs": _some(VERBS), "nonResourceURLs": _some(URLS)})
rules = st.one_of(st.none(), st.lists(st.one_of(resource_rules, resource_rules, path_rules), max_size=3))

subjects = st.one_of(
    st.fixed_dictionaries({"kind": st.just("User"), "name": st.sampled_from(USERS)}),
    st.fixed_dictionaries({"kind": st.just("Group"), "name": st.sampled_from(GROUPS)}),
    st.fixed_dictionaries(
        {"kind": st.just("ServiceAccount"), "name": st.sampled_from(("s", "t"))},
        optional={"namespace": st.sampled_from(("a", "b", ""))},
    ),
    st.fixed_dictionaries({"kind": st.just("Robot"), "name": st.sampled_from(USERS)}),
)


def _object(kind, namespace, name, **fields):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"kind": kind, "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata, **fields}


@st.composite
def objects(draw):
    """One Role, ClusterRole, RoleBinding or ClusterRoleBinding."""
    kind = draw(st.sampled_from(("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")))
    namespace = "" if kind.startswith("Cluster") else draw(st.sampled_from(NAMESPACES))
    name = draw(st.sampled_from(("m", "n", "o")))
    if not kind.endswith("Binding"):
        return _object(kind, namespace, name, rules=draw(rules))
    kinds = ("Role", "ClusterRole", "ClusterRole", "Pod")
    return _object(
        kind,
        namespace,
        name,
        subjects=draw(st.one_of(st.none(), st.lists(subjects, max_size=3))),
        roleRef={"kind": draw(st.sampled_from(kinds)), "name": draw(st.sampled_from(("m", "n", "o")))},
    )


def key(obj):
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


@st.composite
def clusters(draw, max_size=10):
    """A list of RBAC objects, at most one of each kind, namespace and name."""
    return list({key(obj): obj for obj in draw(st.lists(objects(), max_size=max_size))}.values())


users = st.builds(
    lambda name, groups: UserInfo(name, groups=tuple(groups)),
    st.sampled_from((*USERS, "")),
    _some(GROUPS, 0, 3),
)


@st.composite
def requests(draw):
    user = draw(users)
    verb = draw(st.sampled_from(("get", "list", "create", "delete", "*")))
    if draw(st.integers(0, 4)) == 0:
        path = draw(st.sampled_from(("/a", "/a/b", "/b", "/", "/bcd", "*")))
        return Attributes(user, verb, resource_request=False, path=path)
    return Attributes(
        user,
        verb,
        namespace=draw(st.sampled_from(("", *NAMESPACES))),
        api_group=draw(st.sampled_from(("", "apps", "*"))),
        resource=draw(st.sampled_from(("pods", "nodes", "pods/log", "*"))),
        subresource=draw(st.sampled_from(("", "", "log", "status"))),
        name=draw(st.sampled_from(("", "x", "z"))),
    )


changes = st.one_of(
    st.tuples(st.just("put"), objects()),
    st.tuples(st.just("drop"), objects()),
)
