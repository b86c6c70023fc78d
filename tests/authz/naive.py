"""The plainest evaluator of RBAC: reads all bindings for each request, as the documents say it.

It shares no code with the product, so that agreement means something.
"""

from __future__ import annotations


def service_account(namespace, name):
    return f"system:serviceaccount:{namespace}:{name}"


def subject_matches(subject, user, binding_namespace):
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "User":
        return user.name == name
    if kind == "Group":
        return name in user.groups
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or binding_namespace
        return bool(namespace) and user.name == service_account(namespace, name)
    return False


def url_matches(pattern, path):
    if pattern == "*" or pattern == path:
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))


def rule_allows(rule, a):
    verbs = rule.get("verbs") or []
    if "*" not in verbs and a.verb not in verbs:
        return False
    if not a.resource_request:
        return any(url_matches(url, a.path) for url in rule.get("nonResourceURLs") or [])
    groups = rule.get("apiGroups") or []
    if "*" not in groups and a.api_group not in groups:
        return False
    asked = a.resource + ("/" + a.subresource if a.subresource else "")
    for resource in rule.get("resources") or []:
        if resource in ("*", asked) or (a.subresource and resource == "*/" + a.subresource):
            break
    else:
        return False
    names = rule.get("resourceNames") or []
    return not names or a.name in names


def describe(subject, binding_namespace):
    if subject["kind"] == "ServiceAccount":
        return f'ServiceAccount "{subject["name"]}/{subject.get("namespace") or binding_namespace}"'
    return f'{subject["kind"]} "{subject["name"]}"'


def evaluate(objects, a):
    """(allowed, reason) for the objects of a cluster, a list of dicts with kind."""
    errors = []
    for scope in ("ClusterRoleBinding", "RoleBinding"):
        bindings = [o for o in objects if o["kind"] == scope]
        for binding in sorted(bindings, key=lambda o: o["metadata"]["name"]):
            namespace = binding["metadata"].get("namespace", "")
            if scope == "RoleBinding" and (not a.namespace or namespace != a.namespace):
                continue
            subject = next(
                (s for s in binding.get("subjects") or [] if subject_matches(s, a.user, namespace)), None
            )
            if subject is None:
                continue
            ref = binding["roleRef"]
            if ref["kind"] not in ("Role", "ClusterRole"):
                errors.append(f'unsupported role reference kind: "{ref["kind"]}"')
                continue
            home = namespace if ref["kind"] == "Role" else ""
            role = next(
                (
                    o
                    for o in objects
                    if o["kind"] == ref["kind"]
                    and o["metadata"]["name"] == ref["name"]
                    and o["metadata"].get("namespace", "") == home
                ),
                None,
            )
            if role is None:
                errors.append(f'{ref["kind"].lower()}.rbac.authorization.k8s.io "{ref["name"]}" not found')
                continue
            if any(rule_allows(rule, a) for rule in role.get("rules") or []):
                name = binding["metadata"]["name"] + (f"/{namespace}" if namespace else "")
                return True, (
                    f'RBAC: allowed by {scope} "{name}" of {ref["kind"]} "{ref["name"]}"'
                    f" to {describe(subject, namespace)}"
                )
    errors = list(dict.fromkeys(errors))
    if not errors:
        return False, ""
    return False, "RBAC: " + (errors[0] if len(errors) == 1 else "[" + ", ".join(errors) + "]")
