"""Validation of Ingresses and IngressClasses, as upstream's pkg/apis/networking/validation."""

from __future__ import annotations

from sekisho.api import addresses, names
from sekisho.api.field import ErrorList, Path, forbidden, invalid, not_supported, required, too_long
from sekisho.api.types import Object
from sekisho.schema.validation.common import checked, immutable, label_errors, problems, required_name

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_MOST_OF_CONTROLLER = 250
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_SCOPES = ("Cluster", "Namespace")
_SPEC = Path("spec")


def validate_ingress_create(ingress: Object) -> ErrorList:
    errors = _spec_errors(ingress.get("spec") or {})
    annotation = ingress["metadata"].get("annotations", {}).get(CLASS_ANNOTATION)
    name = (ingress.get("spec") or {}).get("ingressClassName")
    if annotation is not None and name is not None and annotation != name:
        path = Path("annotations").child(CLASS_ANNOTATION)
        errors.append(invalid(path, annotation, "must match `ingressClassName` when both are specified"))
    return errors


def validate_ingress_update(new: Object, old: Object) -> ErrorList:
    """Bad secret names and bad paths below wildcard hosts may stay where they once were accepted."""
    before: Object = old.get("spec") or {}
    bad_secret = any(
        names.dns1123_subdomain(tls["secretName"]) for tls in before.get("tls") or () if tls.get("secretName")
    )
    bad_wildcard = any(
        "*" in rule.get("host", "") and _rule_value_errors(rule, Path()) for rule in before.get("rules") or ()
    )
    return _spec_errors(new.get("spec") or {}, secret_names=not bad_secret, wildcards=not bad_wildcard)


def validate_ingress_status_update(new: Object, old: Object) -> ErrorList:
    known = {ingress.get("ip") for ingress in _load_balancer(old)}
    path = Path("status.loadBalancer.ingress")
    errors: ErrorList = []
    for i, ingress in enumerate(_load_balancer(new)):
        address, host = ingress.get("ip", ""), ingress.get("hostname", "")
        if address and address not in known:
            errors += checked(path.index(i).child("ip"), address, addresses.ip)
        if host:
            at = path.index(i).child("hostname")
            errors += checked(at, host, names.dns1123_subdomain) + _no_address(at, host)
    return errors


def ingress_status_warnings(new: Object) -> list[str]:
    """Addresses in an unusual spelling."""
    path = Path("status.loadBalancer.ingress")
    return [
        text
        for i, ingress in enumerate(_load_balancer(new))
        for text in addresses.ip_warnings(path.index(i).child("ip"), ingress.get("ip", ""))
    ]


def _load_balancer(ingress: Object) -> list[Object]:
    return ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def _no_address(path: Path, host: str) -> ErrorList:
    if addresses.parse_ip(host) is None:
        return []
    return [invalid(path, host, "must be a DNS name, not an IP address")]


def _spec_errors(spec: Object, *, secret_names: bool = True, wildcards: bool = True) -> ErrorList:
    errors: ErrorList = []
    backend, rules = spec.get("defaultBackend"), spec.get("rules") or []
    if not rules and backend is None:
        errors.append(invalid(_SPEC, None, "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        errors += _backend_errors(backend, _SPEC.child("defaultBackend"))
    for i, rule in enumerate(rules):
        errors += _rule_errors(rule, _SPEC.child("rules").index(i), wildcards)
    for i, tls in enumerate(spec.get("tls") or ()):
        errors += _tls_errors(tls, _SPEC.child("tls").index(i), secret_names)
    name = spec.get("ingressClassName")
    if name is not None:
        errors += checked(_SPEC.child("ingressClassName"), name, names.dns1123_subdomain)
    return errors


def _host_rule(host: str) -> list[str]:
    return names.wildcard_dns1123_subdomain(host) if "*" in host else names.dns1123_subdomain(host)


def _tls_errors(tls: Object, path: Path, secret_names: bool) -> ErrorList:
    errors: ErrorList = []
    for i, host in enumerate(tls.get("hosts") or ()):
        errors += checked(path.child("hosts").index(i), host, _host_rule)
    name = tls.get("secretName", "")
    if secret_names and name:
        errors += checked(path.child("secretName"), name, names.dns1123_subdomain)
    return errors


def _rule_errors(rule: Object, path: Path, wildcards: bool) -> ErrorList:
    errors: ErrorList = []
    host = rule.get("host", "")
    if host:
        errors += _no_address(path.child("host"), host)
        errors += checked(path.child("host"), host, _host_rule)
    if "*" in host and not wildcards:
        return errors
    return errors + _rule_value_errors(rule, path)


def _rule_value_errors(rule: Object, path: Path) -> ErrorList:
    http = rule.get("http")
    if http is None:
        return []
    at = path.child("http", "paths")
    errors: ErrorList = [] if http.get("paths") else [required(at)]
    for i, item in enumerate(http.get("paths") or ()):
        errors += _path_errors(item, at.index(i))
    return errors


def _path_errors(item: Object, path: Path) -> ErrorList:
    type_, text = item.get("pathType"), item.get("path", "")
    if type_ is None:
        return [required(path.child("pathType"), "pathType must be specified")]
    errors: ErrorList = []
    at = path.child("path")
    if type_ in ("Exact", "Prefix"):
        errors += _absolute(at, text)
        errors += [invalid(at, text, f"must not contain '{part}'") for part in _BAD_PARTS if part in text]
        errors += [invalid(at, text, f"cannot end with '{end}'") for end in _BAD_ENDS if text.endswith(end)]
    elif type_ == "ImplementationSpecific":
        errors += _absolute(at, text) if text else []
    else:
        errors.append(not_supported(path.child("pathType"), type_, _PATH_TYPES))
    return errors + _backend_errors(item.get("backend") or {}, path.child("backend"))


def _absolute(path: Path, text: str) -> ErrorList:
    return [] if text.startswith("/") else [invalid(path, text, "must be an absolute path")]


def _backend_errors(backend: Object, path: Path) -> ErrorList:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference_errors(resource, path.child("resource"))
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    errors = required_name(path.child("service", "name"), service.get("name", ""), names.dns1123_label)
    return errors + _service_port_errors(service.get("port") or {}, path)


def _service_port_errors(port: Object, path: Path) -> ErrorList:
    name, number = port.get("name", ""), port.get("number", 0)
    if name and number:
        return [invalid(path, "", "cannot set both port name & port number")]
    if name:
        return checked(path.child("service", "port", "name"), name, names.port_name)
    if number:
        return problems(path.child("service", "port", "number"), number, names.port_number(number))
    return [required(path, "port name or number is required")]


def _reference_errors(reference: Object, path: Path) -> ErrorList:
    errors: ErrorList = []
    group = reference.get("apiGroup")
    if group is not None:
        errors += checked(path.child("apiGroup"), group, names.dns1123_subdomain)
    for field in ("kind", "name"):
        errors += required_name(path.child(field), reference.get(field, ""), names.path_segment)
    return errors


def validate_ingress_class(ingress_class: Object) -> ErrorList:
    spec: Object = ingress_class.get("spec") or {}
    path, controller = _SPEC.child("controller"), spec.get("controller", "")
    errors: ErrorList = []
    if len(controller.encode()) > _MOST_OF_CONTROLLER:
        errors.append(too_long(path, _MOST_OF_CONTROLLER))
    errors += names.domain_prefixed_path_errors(path, controller)
    parameters = spec.get("parameters")
    if parameters is not None:
        errors += _parameters_errors(parameters, _SPEC.child("parameters"))
    return errors


def validate_ingress_class_update(new: Object, old: Object) -> ErrorList:
    values = [(obj.get("spec") or {}).get("controller", "") for obj in (new, old)]
    return immutable(_SPEC.child("controller"), *values) + validate_ingress_class(new)


def _parameters_errors(parameters: Object, path: Path) -> ErrorList:
    errors = _reference_errors(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        return [*errors, required(path.child("scope"))]
    at = path.child("namespace")
    if scope not in _SCOPES:
        errors.append(not_supported(path.child("scope"), scope, _SCOPES))
    elif scope == "Namespace":
        detail = "`parameters.scope` is set to 'Namespace'"
        errors += [required(at, detail)] if namespace is None else label_errors(at, namespace)
    elif namespace is not None:
        errors.append(forbidden(at, "`parameters.scope` is set to 'Cluster'"))
    return errors
