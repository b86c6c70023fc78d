"""What reaches into the host: its namespaces, paths, ports and addresses."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.admission.podsecurity.violation import (
    Violation,
    container_contexts,
    named,
    plural,
    quoted,
    security_context,
    setters,
)
from sekisho.api.types import Object
from sekisho.schema.podwalk import containers


def host_namespaces(metadata: Object, spec: Object) -> Violation | None:
    shared = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return Violation("host namespaces", ", ".join(shared)) if shared else None


def host_path_volumes(metadata: Object, spec: Object) -> Violation | None:
    bad = [v.get("name", "") for v in spec.get("volumes") or () if v.get("hostPath") is not None]
    return Violation("hostPath volumes", named(bad, "volume", "volumes")) if bad else None


def host_ports(metadata: Object, spec: Object) -> Violation | None:
    bad: list[str] = []
    ports: set[str] = set()
    for container in containers(spec):
        found = {str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")}
        if found:
            bad.append(container.get("name", ""))
            ports |= found
    if not bad:
        return None
    uses, noun = plural(len(bad), "uses", "use"), plural(len(ports), "hostPort", "hostPorts")
    return Violation("hostPort", f"{named(bad)} {uses} {noun} {', '.join(sorted(ports))}")


def host_probes(metadata: Object, spec: Object) -> Violation | None:
    bad: set[str] = set()
    hosts: set[str] = set()
    for container in containers(spec):
        found = set(_hosts(container))
        if found:
            bad.add(container.get("name", ""))
            hosts |= found
    if not bad:
        return None
    uses = plural(len(bad), "uses", "use")
    noun = plural(len(hosts), "probe or lifecycle host", "probe or lifecycle hosts")
    return Violation("probe or lifecycle host", f"{named(sorted(bad))} {uses} {noun} {quoted(sorted(hosts))}")


def _hosts(container: Object) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [container.get(f"{kind}Probe") for kind in ("liveness", "readiness", "startup")]
    handlers += [lifecycle.get("postStart"), lifecycle.get("preStop")]
    for handler in handlers:
        for action in ("httpGet", "tcpSocket"):
            host = ((handler or {}).get(action) or {}).get("host")
            if host:
                yield host


def windows_host_process(metadata: Object, spec: Object) -> Violation | None:
    bad = [name for name, context in container_contexts(spec) if _host_process(context)]
    pod = _host_process(security_context(spec))
    if not bad and not pod:
        return None
    who = setters(pod, bad)
    return Violation("hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true")


def _host_process(context: Object) -> bool:
    return bool((context.get("windowsOptions") or {}).get("hostProcess"))
