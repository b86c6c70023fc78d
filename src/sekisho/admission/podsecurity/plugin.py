"""The plugin: pods are enforced, workloads warned of, namespaces checked for their labels.

A namespace whose enforced level gets stricter is answered with warnings about the pods in it that would
not be admitted any more; at most 3000 pods are looked at, one of each controller first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.admission.podsecurity.configuration import Config, parse
from sekisho.admission.podsecurity.policy import Level, LevelVersion, Policy, policy_of
from sekisho.admission.podsecurity.registry import evaluate
from sekisho.admission.podsecurity.violation import Violation
from sekisho.api.field import ErrorList
from sekisho.api.goformat import aggregate, quote
from sekisho.api.status import forbidden, internal_error, invalid
from sekisho.api.types import GroupVersionKind, Object

ANNOTATION = "pod-security.kubernetes.io/"
MAX_PODS = 3000
MAX_SECONDS = 1.0
_IGNORED_SUBRESOURCES = frozenset(
    ("exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status")
)


Template = Callable[[Object], Object | None]


def _spec_template(obj: Object) -> Object | None:
    return (obj.get("spec") or {}).get("template")


def _job_template(obj: Object) -> Object | None:
    return _spec_template((obj.get("spec") or {}).get("jobTemplate") or {})


_TEMPLATES: dict[tuple[str, str], Template] = {
    ("", "replicationcontrollers"): _spec_template,
    ("", "podtemplates"): lambda obj: obj.get("template"),
    ("apps", "replicasets"): _spec_template,
    ("apps", "deployments"): _spec_template,
    ("apps", "statefulsets"): _spec_template,
    ("apps", "daemonsets"): _spec_template,
    ("batch", "jobs"): _spec_template,
    ("batch", "cronjobs"): _job_template,
}


class PodSecurity(Plugin):
    """`monotonic` gives seconds, to stop looking at a namespace's pods in time."""

    name = "PodSecurity"

    def __init__(self, config: Config | None = None, monotonic: Callable[[], float] | None = None) -> None:
        self._config = config or Config()
        self._monotonic = monotonic

    def configure(self, data: bytes) -> None:
        self._config = parse(data)

    async def validate(self, request: AdmissionRequest) -> None:
        if request.operation not in (Operation.CREATE, Operation.UPDATE) or request.object is None:
            return
        key = (request.info.group, request.info.resource)
        if key == ("", "pods"):
            self._validate_pod(request, request.object)
        elif key == ("", "namespaces"):
            self._validate_namespace(request, request.object)
        elif key in _TEMPLATES and not request.subresource:
            self._validate_template(request, _TEMPLATES[key](request.object))

    # Pods and what makes pods

    def _validate_pod(self, request: AdmissionRequest, pod: Object) -> None:
        if request.subresource in _IGNORED_SUBRESOURCES or self._exempt(request):
            return
        policy, errors = self._policy(request)
        if not errors and policy.privileged:
            request.annotate(f"{ANNOTATION}enforce-policy", str(policy.enforce))
            return
        if request.operation is Operation.UPDATE and not _matters(pod, request.old_object or {}):
            return
        self._evaluate(
            request, policy, errors, pod.get("metadata") or {}, pod.get("spec") or {}, enforce=True
        )

    def _validate_template(self, request: AdmissionRequest, template: Object | None) -> None:
        if template is None or self._exempt(request):
            return
        policy, errors = self._policy(request)
        if not errors and policy.warn.level is policy.audit.level is Level.PRIVILEGED:
            return
        metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
        self._evaluate(request, policy, errors, metadata, spec, enforce=False)

    def _exempt(self, request: AdmissionRequest) -> bool:
        if request.namespace in self._config.namespaces:
            request.annotate(f"{ANNOTATION}exempt", "namespace")
            return True
        if request.user.name in self._config.usernames:
            request.annotate(f"{ANNOTATION}exempt", "user")
            return True
        return False

    def _policy(self, request: AdmissionRequest) -> tuple[Policy, ErrorList]:
        namespace = request.lookup.get("namespaces", "", request.namespace)
        if namespace is None:
            raise internal_error(f"failed to lookup namespace {quote(request.namespace)}")
        return policy_of(_labels(namespace), self._config.defaults)

    def _evaluate(
        self,
        request: AdmissionRequest,
        policy: Policy,
        errors: ErrorList,
        metadata: Object,
        spec: Object,
        *,
        enforce: bool,
    ) -> None:
        if spec.get("runtimeClassName") in self._config.runtime_classes:
            request.annotate(f"{ANNOTATION}exempt", "runtimeClass")
            return
        if errors:
            text = f"Failed to parse policy: {aggregate(map(str, errors))}"
            request.annotate(f"{ANNOTATION}error", text)
        refused = []
        if enforce:
            request.annotate(f"{ANNOTATION}enforce-policy", str(policy.enforce))
            refused = evaluate(policy.enforce, metadata, spec)
        audited = evaluate(policy.audit, metadata, spec)
        if audited:
            request.annotate(f"{ANNOTATION}audit-violations", _would_violate(policy.audit, audited))
        if refused:
            text = f"violates PodSecurity {quote(str(policy.enforce))}: {_details(refused)}"
            raise forbidden(request.group_resource, request.name, text)
        warned = evaluate(policy.warn, metadata, spec)
        if warned:
            request.warn(_would_violate(policy.warn, warned))

    # Namespaces

    def _validate_namespace(self, request: AdmissionRequest, namespace: Object) -> None:
        if request.subresource:
            return
        policy, errors = policy_of(_labels(namespace), self._config.defaults)
        old, old_errors = policy_of(_labels(request.old_object or {}), self._config.defaults)
        if errors and (request.operation is Operation.CREATE or errors != old_errors):
            raise invalid(GroupVersionKind("", "v1", "Namespace"), request.name, errors)
        if request.name in self._config.namespaces:
            if not policy.privileged and policy != self._config.defaults:
                request.warn(
                    f"namespace {quote(request.name)} is exempt from Pod Security, and the policy ({policy}) "
                    "will be ignored"
                )
        elif request.operation is Operation.UPDATE and _stricter(policy.enforce, old.enforce):
            for text in self._pod_warnings(request, policy.enforce):
                request.warn(text)

    def _pod_warnings(self, request: AdmissionRequest, enforce: LevelVersion) -> list[str]:
        pods = _one_of_each_first(request.lookup.list("pods", request.name))
        groups: dict[str, list[str]] = {}
        checked = 0
        deadline = self._monotonic() + MAX_SECONDS if self._monotonic is not None else None
        for pod in pods[:MAX_PODS]:
            checked += 1
            spec = pod.get("spec") or {}
            if spec.get("runtimeClassName") in self._config.runtime_classes:
                continue
            found = evaluate(enforce, pod["metadata"], spec)
            if found:
                groups.setdefault(", ".join(v.reason for v in found), []).append(pod["metadata"]["name"])
            if deadline is not None and self._monotonic is not None and self._monotonic() > deadline:
                break
        warnings = []
        if checked < len(pods):
            warnings.append(
                f"new PodSecurity enforce level only checked against the first {checked} of {len(pods)} "
                "existing pods"
            )
        if groups:
            warnings.append(
                f"existing pods in namespace {quote(request.name)} violate the new PodSecurity enforce level "
                f"{quote(str(enforce))}"
            )
        return warnings + sorted(_group_text(names, reasons) for reasons, names in groups.items())


def _group_text(names: Sequence[str], reasons: str) -> str:
    others = len(names) - 1
    if not others:
        return f"{names[0]}: {reasons}"
    return f"{min(names)} (and {others} other {'pod' if others == 1 else 'pods'}): {reasons}"


def _labels(namespace: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = (namespace.get("metadata") or {}).get("labels") or {}
    return labels


def _details(violations: Sequence[Violation]) -> str:
    return ", ".join(map(str, violations))


def _would_violate(wanted: LevelVersion, violations: Sequence[Violation]) -> str:
    return f"would violate PodSecurity {quote(str(wanted))}: {_details(violations)}"


def _stricter(new: LevelVersion, old: LevelVersion) -> bool:
    """Whether pods that are there may violate the new level and did not violate the old one."""
    if new == old or new.level is Level.PRIVILEGED:
        return False
    return new.version != old.version or new.level.strictness > old.level.strictness


def _one_of_each_first(pods: Sequence[Object]) -> list[Object]:
    """One pod of every controller and all pods without one, then the other replicas."""
    first, later = [], []
    seen: set[str] = set()
    for pod in pods:
        owners = pod["metadata"].get("ownerReferences") or ()
        uid = next((owner.get("uid", "") for owner in owners if owner.get("controller")), None)
        if uid is not None and uid in seen:
            later.append(pod)
            continue
        if uid is not None:
            seen.add(uid)
        first.append(pod)
    return first + later


def _matters(pod: Object, old: Object) -> bool:
    """Whether an update changes something that checks look at: containers come or go, or images change."""
    new_spec, old_spec = pod.get("spec") or {}, old.get("spec") or {}
    for field in ("containers", "initContainers"):
        new, before = new_spec.get(field) or [], old_spec.get(field) or []
        if len(new) != len(before):
            return True
        if any(a.get("image") != b.get("image") for a, b in zip(new, before, strict=True)):
            return True
    known = {c.get("name"): c.get("image") for c in old_spec.get("ephemeralContainers") or ()}
    return any(
        container.get("name") not in known or known[container.get("name")] != container.get("image")
        for container in new_spec.get("ephemeralContainers") or ()
    )
