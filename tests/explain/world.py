"""Short ways to write roles and bindings, and the index over them."""

from __future__ import annotations

from sekisho.api.types import Attributes, UserInfo, service_account_user
from sekisho.authz.index import RbacIndex
from sekisho.authz.rbac import RbacAuthorizer
from sekisho.explain.why import account

BOB = UserInfo("bob", groups=("system:authenticated",))
ROBOT = service_account_user("shop", "robot")


def rule(verbs, resources, groups="", names="", **more):
    out = {
        "verbs": verbs.split(),
        "apiGroups": groups.split(",") if groups else [""],
        "resources": resources.split(),
    }
    if names:
        out["resourceNames"] = names.split()
    return {**out, **more}


def paths(verbs, urls):
    return {"verbs": verbs.split(), "nonResourceURLs": urls.split()}


def role(name, *rules, namespace="", labels=None, selectors=None):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    if labels:
        metadata["labels"] = labels
    out = {"kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": list(rules)}
    if selectors:
        out["aggregationRule"] = {"clusterRoleSelectors": selectors}
    return out


def subject(text):
    kind, _, name = text.partition(":")
    if kind == "sa":
        namespace, _, name = name.partition("/")
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"kind": {"user": "User", "group": "Group"}[kind], "name": name}


def bind(name, role_name, *subjects, namespace="", kind="ClusterRole"):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "subjects": [subject(s) for s in subjects],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role_name},
    }


def asking(user, verb, resource, name="", namespace="shop", group="", subresource=""):
    return Attributes(
        user,
        verb,
        namespace=namespace,
        api_group=group,
        resource=resource,
        subresource=subresource,
        name=name,
    )


def explain(objects, attributes):
    index = RbacIndex.of(objects)
    return account(attributes, RbacAuthorizer(index).decide(attributes), index)
