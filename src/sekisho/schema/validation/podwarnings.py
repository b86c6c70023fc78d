"""Warnings about pods and pod templates: what is accepted and yet not meant (pkg/api/pod/warnings.go)."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho.api import names
from sekisho.api.addresses import ip_warnings
from sekisho.api.field import Path
from sekisho.api.goformat import quote
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.podwalk import containers_with_paths
from sekisho.schema.validation.affinity import PREFERRED, REQUIRED
from sekisho.schema.validation.podannotations import APPARMOR, SECCOMP_CONTAINER, SECCOMP_POD
from sekisho.schema.validation.volumewarnings import claim_spec_warnings, volume_warnings

_NOWHERE = Path()
_NO_SELECTOR = "a null labelSelector results in matching no pod"
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_BYTES = ("memory", "ephemeral-storage")
_LABELS = {
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
}
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}

__all__ = [
    "claim_spec_warnings",
    "label_warning",
    "node_selector_term_warnings",
    "pod_warnings",
    "template_warnings",
]


def pod_warnings(pod: Object) -> list[str]:
    """For a new Pod. An update of a Pod earns none."""
    return _warnings(pod.get("spec") or {}, pod["metadata"], _NOWHERE, template=False)


def template_warnings(template: Object, path: Path) -> list[str]:
    """For the template at `path` (`spec.template`) of a workload."""
    return _warnings(template.get("spec") or {}, template.get("metadata") or {}, path, template=True)


def _warnings(spec: Object, metadata: Object, root: Path, *, template: bool) -> list[str]:
    annotations: Object = metadata.get("annotations") or {}
    path = root.child("spec")
    out: list[str] = []
    if spec.get("nodeSelector"):
        out += _node_selector_warnings(spec["nodeSelector"], path.child("nodeSelector"))
    affinity: Object = spec.get("affinity") or {}
    if affinity.get("nodeAffinity"):
        out += _node_affinity_warnings(affinity["nodeAffinity"], path.child("affinity", "nodeAffinity"))
    if spec.get("topologySpreadConstraints"):
        at = path.child("topologySpreadConstraints")
        out += _spread_warnings(spec["topologySpreadConstraints"], at)
    if annotations:
        at = root.child("metadata", "annotations")
        out += [f"{at.key(key)}: {text}" for key, text in _ANNOTATIONS.items() if key in annotations]
    if spec.get("volumes"):
        out += volume_warnings(spec["volumes"], path.child("volumes"))
    out += _repeated(spec.get("hostAliases") or (), "ip", path, "hostAliases")
    out += _repeated(spec.get("imagePullSecrets") or (), "name", path, "imagePullSecrets")
    for i, reference in enumerate(spec.get("imagePullSecrets") or ()):
        if not reference.get("name"):
            out.append(f'{path.child("imagePullSecrets").index(i).child("name")}: invalid empty name ""')
    out += _fractions(spec.get("overhead"), path, "overhead")
    out += _container_warnings(spec, annotations, root, template=template)
    out += _port_warnings(spec, path)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        at = path.child("terminationGracePeriodSeconds")
        out.append(f"{at}: must be >= 0; negative values are invalid and will be treated as 1")
    for field in ("podAffinity", "podAntiAffinity"):
        if affinity.get(field):
            out += _pod_affinity_warnings(affinity[field], path.child("affinity", field))
    return out + _address_warnings(spec, path)


def label_warning(label: str) -> str:
    """Why a label of nodes should not be used any more; empty when nothing is wrong with it."""
    if label not in _LABELS:
        return ""
    since, successor = _LABELS[label]
    return f"deprecated since {since}; use {quote(successor)} instead"


def _node_selector_warnings(selector: Object, path: Path) -> list[str]:
    return [f"{path.key(label)}: {label_warning(label)}" for label in selector if label in _LABELS]


def _node_affinity_warnings(affinity: Object, path: Path) -> list[str]:
    out: list[str] = []
    terms = (affinity.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()
    for i, term in enumerate(terms):
        at = path.child(REQUIRED, "nodeSelectorTerms").index(i)
        out += node_selector_term_warnings(term, at, check_values=False)
    for i, preferred in enumerate(affinity.get(PREFERRED) or ()):
        at = path.child(PREFERRED).index(i).child("preference")
        out += node_selector_term_warnings(preferred.get("preference") or {}, at, check_values=True)
    return out


def node_selector_term_warnings(term: Object, path: Path, *, check_values: bool) -> list[str]:
    """`check_values`: label values are not validated there, so bad ones are warned about."""
    out: list[str] = []
    for i, expression in enumerate(term.get("matchExpressions") or ()):
        key = expression.get("key", "")
        at = path.child("matchExpressions").index(i)
        if key in _LABELS:
            out.append(f"{at.child('key')}: {key} is {label_warning(key)}")
        if check_values:
            for j, value in enumerate(expression.get("values") or ()):
                out += [f"{at.child('values').index(j)}: {text}" for text in names.label_value(value)]
    return out


def _spread_warnings(constraints: list[Object], path: Path) -> list[str]:
    out: list[str] = []
    for i, constraint in enumerate(constraints):
        key = constraint.get("topologyKey", "")
        if key in _LABELS:
            out.append(f"{path.index(i).child('topologyKey')}: {key} is {label_warning(key)}")
        if constraint.get("labelSelector") is None:
            out.append(f"{path.index(i).child('labelSelector')}: {_NO_SELECTOR}")
    return out


def _repeated(items: Iterable[Object], field: str, path: Path, parent: str) -> list[str]:
    out: list[str] = []
    seen: set[str] = set()
    for i, item in enumerate(items):
        value = item.get(field, "")
        if value in seen:
            out.append(f"{path.child(parent).index(i).child(field)}: duplicate {field} {quote(value)}")
        seen.add(value)
    return out


def _fractions(amounts: Object | None, path: Path, *fields: str) -> list[str]:
    """Parts of bytes."""
    if not amounts:
        return []
    return [warning for name in _BYTES for warning in _fraction(amounts, name, path, *fields)]


def _fraction(amounts: Object | None, name: str, path: Path, *fields: str) -> list[str]:
    amount = (amounts or {}).get(name)
    if amount is None:
        return []
    quantity = Quantity.parse(amount)
    if quantity.milli_value() % 1000 == 0:
        return []
    where = path.child(*fields).key(name)
    return [f"{where}: fractional byte value {quote(str(quantity))} is invalid, must be an integer"]


def _container_warnings(spec: Object, annotations: Object, root: Path, *, template: bool) -> list[str]:
    out: list[str] = []
    at = root.child("metadata", "annotations")
    common: Object = spec.get("securityContext") or {}
    if SECCOMP_POD in annotations and common.get("seccompProfile") is None:
        out.append(f"{at.key(SECCOMP_POD)}: {_SECCOMP}")
    for container, path in containers_with_paths(spec, root.child("spec")):
        if annotations:
            context: Object = container.get("securityContext") or {}
            key = SECCOMP_CONTAINER + container.get("name", "")
            if key in annotations and context.get("seccompProfile") is None:
                out.append(f"{at.key(key)}: {_SECCOMP}")
            key = APPARMOR + container.get("name", "")
            profile = common.get("appArmorProfile") or context.get("appArmorProfile")
            if template and key in annotations and profile is None:
                out.append(f'{at.key(key)}: deprecated since v1.30; use the "appArmorProfile" field instead')
        resources = container.get("resources")
        if resources:
            for name in _BYTES:
                for field in ("limits", "requests"):
                    out += _fraction(resources.get(field), name, path, "resources", field)
        if len(container.get("env") or ()) > 1:
            out += _environment_warnings(container["env"], path.child("env"))
    return out


def _environment_warnings(variables: list[Object], path: Path) -> list[str]:
    """A variable may build on an earlier one of its name, but not replace it."""
    out: list[str] = []
    seen: set[str] = set()
    for i, variable in enumerate(variables):
        name, value = variable.get("name", ""), variable.get("value", "")
        reference = f"$({name})"
        builds_on = "valueFrom" not in variable and value != reference and reference in value
        if name in seen and not builds_on:
            text = f"hides previous definition of {quote(name)}, which may be dropped when using apply"
            out.append(f"{path.index(i)}: {text}")
        seen.add(name)
    return out


def _port_warnings(spec: Object, path: Path) -> list[str]:
    out: list[str] = []
    known: dict[tuple[int, str], list[tuple[Path, Object]]] = {}
    for container, where in containers_with_paths(spec, path):
        for i, port in enumerate(container.get("ports") or ()):
            at = where.child("ports").index(i)
            if port.get("hostIP") and not port.get("hostPort"):
                out.append(f"{at}: hostIP set without hostPort: {_go_port(port)}")
            others = known.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
            for other_path, other in others:
                how = _overlap(port, other)
                if how:
                    out.append(f"{at}: {how} port definition with {other_path}")
            others.append((at, port))
    return out


def _overlap(port: Object, other: Object) -> str:
    """How two ports of one number and protocol are in each other's way."""
    host_port, other_host_port = port.get("hostPort", 0), other.get("hostPort", 0)
    address, other_address = port.get("hostIP", ""), other.get("hostIP", "")
    if address == other_address and host_port == other_host_port:
        return "duplicate"
    if not host_port or not other_host_port:
        return "overlapping"
    if host_port == other_host_port and bool(address) != bool(other_address):
        return "dangerously ambiguous"
    return ""


def _go_port(port: Object) -> str:
    """The port as Go's %+v prints upstream's internal struct."""
    fields = (
        f"Name:{port.get('name', '')}",
        f"HostPort:{port.get('hostPort', 0)}",
        f"ContainerPort:{port.get('containerPort', 0)}",
        f"Protocol:{port.get('protocol', '')}",
        f"HostIP:{port.get('hostIP', '')}",
    )
    return "{" + " ".join(fields) + "}"


def _pod_affinity_warnings(affinity: Object, path: Path) -> list[str]:
    out: list[str] = []
    for i, term in enumerate(affinity.get(REQUIRED) or ()):
        if term.get("labelSelector") is None:
            out.append(f"{path.child(REQUIRED).index(i).child('labelSelector')}: {_NO_SELECTOR}")
    for i, weighted in enumerate(affinity.get(PREFERRED) or ()):
        if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
            at = path.child(PREFERRED).index(i).child("podAffinityTerm", "labelSelector")
            out.append(f"{at}: {_NO_SELECTOR}")
    return out


def _address_warnings(spec: Object, path: Path) -> list[str]:
    out: list[str] = []
    for i, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        out += ip_warnings(path.child("dnsConfig", "nameservers").index(i), server)
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        out += ip_warnings(path.child("hostAliases").index(i).child("ip"), alias.get("ip", ""))
    return out
