"""Services and where they lead: endpoints and endpoint slices."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, SELECTOR, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object


def _service(obj: Object, now: float) -> Cells:
    spec = cells.part(obj, "spec")
    addresses = spec.get("clusterIPs") or [cells.NONE]
    return [
        cells.name(obj),
        spec.get("type", ""),
        addresses[0],
        _external(obj),
        ",".join(map(_port, spec.get("ports") or ())) or cells.NONE,
        cells.age(obj, now),
        cells.labels(spec.get("selector")),
    ]


def _external(obj: Object) -> str:
    spec = cells.part(obj, "spec")
    given = spec.get("externalIPs") or []
    type_ = spec.get("type", "")
    if type_ in ("ClusterIP", "NodePort"):
        return ",".join(given) or cells.NONE
    if type_ == "LoadBalancer":
        return ",".join([*ingress_points(obj), *given]) or "<pending>"
    return str(spec.get("externalName", "")) if type_ == "ExternalName" else cells.UNKNOWN


def ingress_points(obj: Object) -> list[str]:
    """Addresses and host names of a load balancer's status, sorted, each once."""
    found = cells.part(obj, "status", "loadBalancer").get("ingress") or ()
    return sorted({i.get("ip") or i.get("hostname") or "" for i in found} - {""})


def _port(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{node_port}/{port.get('protocol', '')}"


def _endpoints(obj: Object, now: float) -> Cells:
    subsets = obj.get("subsets") or ()
    listed = [text for subset in subsets for text in _subset(subset)]
    empty = "" if subsets else cells.NONE
    return [cells.name(obj), cells.shortened(listed, empty=empty), cells.age(obj, now)]


def _subset(subset: Object) -> list[str]:
    addresses = [a.get("ip", "") for a in subset.get("addresses") or ()]
    ports = subset.get("ports") or ()
    if not ports:
        return addresses
    return [_host_port(a, p.get("port", 0)) for p in ports for a in addresses]


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _endpoint_slice(obj: Object, now: float) -> Cells:
    addresses = [a for e in obj.get("endpoints") or () for a in e.get("addresses") or ()]
    return [
        cells.name(obj),
        obj.get("addressType", ""),
        cells.shortened(map(_slice_port, obj.get("ports") or ())),
        cells.shortened(addresses),
        cells.age(obj, now),
    ]


def _slice_port(port: Object) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return str(port["name"]) if port.get("name") is not None else "*"


TABLES: Tables = {
    ("", "Service"): TablePrinter(
        [
            NAME,
            column("Type", "How the service is exposed."),
            column("Cluster-IP", "Address inside the cluster."),
            column("External-IP", "Addresses or name outside the cluster."),
            column("Port(s)", "Ports, with node ports where there are some."),
            AGE,
            SELECTOR,
        ],
        _service,
    ),
    ("", "Endpoints"): TablePrinter(
        [NAME, column("Endpoints", "Addresses and ports that are ready."), AGE], _endpoints
    ),
    ("discovery.k8s.io", "EndpointSlice"): TablePrinter(
        [
            NAME,
            column("AddressType", "Kind of address the slice holds."),
            column("Ports", "Ports of each endpoint."),
            column("Endpoints", "Addresses in the slice."),
            AGE,
        ],
        _endpoint_slice,
    ),
}
