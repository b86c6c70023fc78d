"""Services. Cluster addresses and their families have a file of their own, `clusterips`."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.addresses import parse_ip
from sekisho.api.field import ErrorList, Path, duplicate, forbidden, invalid, not_supported, required
from sekisho.api.objectmeta import validate_labels
from sekisho.api.types import Object
from sekisho.schema.servicefacts import is_externally_accessible, is_headless, needs_health_check
from sekisho.schema.validation import goform
from sekisho.schema.validation.addresses import endpoint_ip, legacy_cidr, legacy_ip
from sekisho.schema.validation.clusterips import (
    validate_address_fields,
    validate_changed_addresses,
    validate_changed_families,
)
from sekisho.schema.validation.common import checked, one_of, port_or_name, problems

_SPEC = Path("spec")
_ANNOTATIONS = Path("metadata.annotations")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_AFFINITIES = ("ClientIP", "None")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_IP_MODES = ("Proxy", "VIP")
_LONGEST_AFFINITY = 86400
_ONLY_BALANCER = "may only be used when `type` is 'LoadBalancer'"

HINTS = "service.kubernetes.io/topology-aware-hints"
MODE = "service.kubernetes.io/topology-mode"
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def validate_service(service: Object, old: Object | None) -> ErrorList:
    """What create and update check, without the metadata."""
    spec: Object = service["spec"]
    before: Object = old["spec"] if old else {}
    annotations: Object = service["metadata"].get("annotations") or {}
    errors: ErrorList = []
    if MODE in annotations and HINTS in annotations and annotations[MODE] != annotations[HINTS]:
        detail = f"must match annotations[{HINTS}] when both are specified"
        errors.append(invalid(_ANNOTATIONS.key(MODE), annotations[MODE], detail))
    if not spec.get("ports") and not is_headless(spec) and spec.get("type") != "ExternalName":
        errors.append(required(_SPEC.child("ports")))
    errors += _validate_by_type(spec)
    errors += _validate_ports(spec.get("ports") or [])
    errors += validate_labels(spec.get("selector"), _SPEC.child("selector"))
    errors += _validate_affinity(spec)
    errors += validate_address_fields(spec, before)
    errors += _validate_external_ips(spec.get("externalIPs") or [], before.get("externalIPs") or [])
    if not spec.get("type"):
        errors.append(required(_SPEC.child("type")))
    elif spec["type"] not in _TYPES:
        errors.append(not_supported(_SPEC.child("type"), spec["type"], _TYPES))
    errors += _validate_repetitions(spec)
    errors += _validate_source_ranges(service, old)
    errors += _validate_balancer_fields(spec)
    errors += _validate_class(spec)
    errors += _validate_external_traffic(spec)
    errors += _validate_internal_traffic(spec)
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        errors.append(not_supported(_SPEC.child("trafficDistribution"), distribution, _DISTRIBUTIONS))
    return errors


def validate_service_update(service: Object, old: Object) -> ErrorList:
    """As `validate_service`, and what may not change."""
    spec, before = service["spec"], old["spec"]
    errors = validate_changed_addresses(spec, before)
    errors += validate_changed_families(spec, before)
    balancer = spec.get("loadBalancerClass")
    both = spec.get("type") == before.get("type") == "LoadBalancer"
    if both and balancer != before.get("loadBalancerClass"):
        errors.append(invalid(_SPEC.child("loadBalancerClass"), balancer, "may not change once set"))
    errors += _validate_class(spec)
    moved = spec.get("healthCheckNodePort", 0) != before.get("healthCheckNodePort", 0)
    if moved and needs_health_check(spec) and needs_health_check(before):
        errors.append(forbidden(_SPEC.child("healthCheckNodePort"), "field is immutable"))
    return errors + validate_service(service, old)


def _validate_by_type(spec: Object) -> ErrorList:
    kind = spec.get("type")
    if kind in ("LoadBalancer", "NodePort"):
        if not is_headless(spec):
            return []
        detail = f"may not be set to 'None' for {kind} services"
        return [invalid(_SPEC.child("clusterIPs").index(0), spec["clusterIPs"][0], detail)]
    if kind != "ExternalName":
        return []
    detail = "may not be set for ExternalName services"
    errors = [
        forbidden(_SPEC.child(field), detail)
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if spec.get(field)
    ]
    at = _SPEC.child("externalName")
    name = spec.get("externalName", "").removesuffix(".")
    return errors + (checked(at, name, names.dns1123_subdomain) if name else [required(at)])


def _validate_ports(ports: list[Object]) -> ErrorList:
    errors: ErrorList = []
    seen: set[str] = set()
    for i, port in enumerate(ports):
        path = _SPEC.child("ports").index(i)
        name = port.get("name", "")
        if name:
            errors += problems(path.child("name"), name, names.dns1123_label(name))
            if name in seen:
                errors.append(duplicate(path.child("name"), name))
            seen.add(name)
        elif len(ports) > 1:
            errors.append(required(path.child("name")))
        number = port.get("port", 0)
        errors += problems(path.child("port"), number, names.port_number(number))
        errors += one_of(path.child("protocol"), port.get("protocol", ""), _PROTOCOLS)
        errors += port_or_name(path.child("targetPort"), port.get("targetPort", 0))
        if port.get("appProtocol") is not None:
            errors += checked(path.child("appProtocol"), port["appProtocol"], names.qualified_name)
    return errors


def _validate_affinity(spec: Object) -> ErrorList:
    affinity, config = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig")
    errors = one_of(_SPEC.child("sessionAffinity"), affinity, _AFFINITIES)
    path = _SPEC.child("sessionAffinityConfig")
    if affinity == "None" and config is not None:
        return [*errors, forbidden(path, "must not be set when session affinity is None")]
    if affinity != "ClientIP":
        return errors
    detail = "when session affinity type is ClientIP"
    if config is None:
        return [*errors, required(path, detail)]
    if config.get("clientIP") is None:
        return [*errors, required(path.child("clientIP"), detail)]
    at = path.child("clientIP", "timeoutSeconds")
    timeout = config["clientIP"].get("timeoutSeconds")
    if timeout is None:
        errors.append(required(at, detail))
    elif not 0 < timeout <= _LONGEST_AFFINITY:
        errors.append(invalid(at, timeout, f"must be greater than 0 and less than {_LONGEST_AFFINITY}"))
    return errors


def _validate_external_ips(addresses: list[str], stored: list[str]) -> ErrorList:
    errors: ErrorList = []
    for i, address in enumerate(addresses):
        at = _SPEC.child("externalIPs").index(i)
        errors += legacy_ip(at, address, stored) or endpoint_ip(at, address)
    return errors


def _validate_repetitions(spec: Object) -> ErrorList:
    errors: ErrorList = []
    path = _SPEC.child("ports")
    ports = list(enumerate(spec.get("ports") or ()))
    if spec.get("type") == "ClusterIP":
        detail = "may not be used when `type` is 'ClusterIP'"
        errors += [forbidden(path.index(i).child("nodePort"), detail) for i, p in ports if p.get("nodePort")]
    for field in ("nodePort", "port"):
        seen: set[tuple[str, int]] = set()
        for i, port in ports:
            number = port.get(field, 0)
            if not number and field == "nodePort":
                continue
            key = (port.get("protocol", ""), number)
            if key in seen and field == "nodePort":
                errors.append(duplicate(path.index(i).child("nodePort"), number))
            elif key in seen:
                shown = goform.service_port({"protocol": key[0], "port": number})
                errors.append(duplicate(path.index(i), shown))
            seen.add(key)
    return errors


def _validate_source_ranges(service: Object, old: Object | None) -> ErrorList:
    """The field's path is spelled as upstream spells it."""
    spec: Object = service["spec"]
    balanced = spec.get("type") == "LoadBalancer"
    ranges = spec.get("loadBalancerSourceRanges") or []
    errors: ErrorList = []
    if ranges:
        path = _SPEC.child("LoadBalancerSourceRanges")
        if not balanced:
            errors.append(forbidden(path, _ONLY_BALANCER))
        stored = {
            value.strip() for value in (old or {"spec": {}})["spec"].get("loadBalancerSourceRanges") or ()
        }
        for i, value in enumerate(ranges):
            errors += legacy_cidr(path.index(i), value.strip(), stored)
        return errors
    written = (service["metadata"].get("annotations") or {}).get(_SOURCE_RANGES)
    if written is None:
        return []
    path = _ANNOTATIONS.key(_SOURCE_RANGES)
    if not balanced:
        errors.append(forbidden(path, _ONLY_BALANCER))
    before = ((old or {"metadata": {}})["metadata"].get("annotations") or {}).get(_SOURCE_RANGES)
    if written.strip() and (old is None or before != written):
        for value in written.strip().split(","):
            errors += legacy_cidr(path, value.strip())
    return errors


def _validate_balancer_fields(spec: Object) -> ErrorList:
    balanced = spec.get("type") == "LoadBalancer"
    given = spec.get("allocateLoadBalancerNodePorts") is not None
    if given and not balanced:
        return [forbidden(_SPEC.child("allocateLoadBalancerNodePorts"), _ONLY_BALANCER)]
    return [required(Path("allocateLoadBalancerNodePorts"))] if balanced and not given else []


def _validate_class(spec: Object) -> ErrorList:
    name = spec.get("loadBalancerClass")
    if name is None:
        return []
    at = _SPEC.child("loadBalancerClass")
    if spec.get("type") == "LoadBalancer":
        return checked(at, name, names.qualified_name)
    return [forbidden(at, _ONLY_BALANCER)]


def _validate_external_traffic(spec: Object) -> ErrorList:
    errors: ErrorList = []
    policy = spec.get("externalTrafficPolicy", "")
    at = _SPEC.child("externalTrafficPolicy")
    if is_externally_accessible(spec):
        errors += one_of(at, policy, _POLICIES)
    elif policy:
        errors.append(invalid(at, policy, "may only be set for externally-accessible services"))
    port = spec.get("healthCheckNodePort", 0)
    at = _SPEC.child("healthCheckNodePort")
    if needs_health_check(spec):
        errors += problems(at, port, names.port_number(port)) if port else [required(at)]
    elif port:
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid(at, port, detail))
    return errors


def _validate_internal_traffic(spec: Object) -> ErrorList:
    policy = spec.get("internalTrafficPolicy")
    at = _SPEC.child("internalTrafficPolicy")
    if policy is None:
        return [required(at)] if spec.get("type") in ("ClusterIP", "NodePort", "LoadBalancer") else []
    return [] if policy in _POLICIES else [not_supported(at, policy, _POLICIES)]


def validate_service_status(service: Object, old: Object) -> ErrorList:
    """The addresses that a load balancer has."""
    ingresses = _ingresses(service)
    stored = {ingress.get("ip", "") for ingress in _ingresses(old)}
    path = Path("status.loadBalancer.ingress")
    if service["spec"].get("type") != "LoadBalancer":
        detail = "may only be used when `spec.type` is LoadBalancer"
        return [forbidden(path, detail)] if ingresses else []
    errors: ErrorList = []
    for i, ingress in enumerate(ingresses):
        address, mode, host = ingress.get("ip", ""), ingress.get("ipMode"), ingress.get("hostname", "")
        if address:
            errors += legacy_ip(path.index(i).child("ip"), address, stored)
        errors += _validate_ip_mode(mode, address, path.index(i).child("ipMode"))
        if host:
            errors += checked(path.index(i).child("hostname"), host, names.dns1123_subdomain)
            if parse_ip(host) is not None:
                detail = "must be a DNS name, not an IP address"
                errors.append(invalid(path.index(i).child("hostname"), host, detail))
    return errors


def _ingresses(service: Object) -> list[Object]:
    return ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def _validate_ip_mode(mode: str | None, address: str, path: Path) -> ErrorList:
    if mode is None:
        return [required(path, "must be specified when `ip` is set")] if address else []
    if not address:
        return [forbidden(path, "may not be specified when `ip` is not set")]
    return [] if mode in _IP_MODES else [not_supported(path, mode, _IP_MODES)]
