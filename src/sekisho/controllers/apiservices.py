"""APIServices: those of the server's own groups, those of custom resources, and whether each is available.

Upstream this is the aggregator's part of the API server (autoregister and status controllers), so it speaks as
the server itself. APIServices of built-in groups are made when the server starts; those of custom resources come
and go with their definitions and are put back when somebody changes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import AUTHENTICATED, MASTERS, Object, UserInfo
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client
from sekisho.schema import apiservices

API_SERVICES = f"apiservices.{apiservices.AGGREGATOR_GROUP}"
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
SLICES = "endpointslices.discovery.k8s.io"
SERVICE_LABEL = "kubernetes.io/service-name"
API_SERVER = UserInfo("system:apiserver", groups=(AUTHENTICATED, MASTERS))

Probe = Callable[[Object], Awaitable[str]]
"""Asks the service behind an APIService for its discovery document; answers with what went wrong, or nothing."""


async def ensure_api_services(client: Client) -> None:
    """Make or correct the APIServices of the server's own groups."""
    present = {obj["metadata"]["name"]: obj for obj in await client.list(API_SERVICES)}
    await asyncio.gather(
        *(_ensure(client, wanted, present.get(_name(wanted))) for wanted in apiservices.own_api_services())
    )


async def _ensure(client: Client, wanted: Object, present: Object | None) -> None:
    try:
        if present is None:
            await client.create(API_SERVICES, wanted)
        elif (
            apiservices.MANAGED in present["metadata"].get("labels", {}) and present["spec"] != wanted["spec"]
        ):
            await client.update(API_SERVICES, {**present, "spec": wanted["spec"]})
    except StatusError as error:
        if error.reason not in ("AlreadyExists", "Conflict", "NotFound"):
            raise


def _name(obj: Object) -> str:
    name: str = obj["metadata"]["name"]
    return name


class APIServices(Controller):
    """`probe` is asked last, when everything else about a service is in order; without one nothing is."""

    def __init__(self, client: Client, clock: Clock, probe: Probe | None = None) -> None:
        super().__init__(client.as_user(API_SERVER, "kube-apiserver"), clock)
        self._probe = probe
        self._api_services = self.informer(API_SERVICES)
        self._definitions = self.informer(DEFINITIONS)
        self._services = self.informer("services")
        self._slices = self.informer(SLICES)
        self._api_services.on_change(self._api_service_changed)
        self._definitions.on_change(self._definition_changed)
        self._services.on_change(lambda new, old: self._service_changed(new or old or {}, "name"))
        self._slices.on_change(lambda new, old: self._service_changed(new or old or {}, SERVICE_LABEL))

    def _api_service_changed(self, new: Object | None, old: Object | None) -> None:
        self.queue.add(_name(new or old or {}))

    def _definition_changed(self, new: Object | None, old: Object | None) -> None:
        for definition in (new, old):
            spec = (definition or {}).get("spec") or {}
            for version in spec.get("versions") or ():
                self.queue.add(f"{version.get('name')}.{spec.get('group')}")

    def _service_changed(self, obj: Object, name_from: str) -> None:
        metadata = obj["metadata"]
        name = metadata["name"] if name_from == "name" else metadata.get("labels", {}).get(name_from)
        for api_service in self._api_services:
            reference = api_service["spec"].get("service")
            if reference and (reference.get("namespace"), reference.get("name")) == (
                metadata.get("namespace"),
                name,
            ):
                self.queue.add(_name(api_service))

    async def reconcile(self, key: str) -> None:
        present = self._api_services.get("", key)
        wanted = self._wanted(key)
        managed = ((present or {}).get("metadata") or {}).get("labels", {}).get(apiservices.MANAGED)
        if wanted is not None:
            await _ensure(self.client, wanted, present)
        elif present is not None and managed == "true":
            await self._delete(present)
            return
        if present is not None:
            await self._report(present)

    async def _delete(self, present: Object) -> None:
        try:
            await self.client.delete(API_SERVICES, _name(present), uid=present["metadata"]["uid"])
        except StatusError as error:
            if error.code != 404:
                raise

    def _wanted(self, name: str) -> Object | None:
        """The APIService that custom resource definitions call for under a name."""
        version, _, group = name.partition(".")
        for definition in self._definitions:
            spec: Object = definition.get("spec") or {}
            if spec.get("group") == group and any(
                v.get("name") == version and v.get("served") for v in spec.get("versions") or ()
            ):
                return apiservices.local_api_service(
                    group,
                    version,
                    apiservices.CUSTOM_GROUP_PRIORITY,
                    apiservices.CUSTOM_VERSION_PRIORITY,
                    "true",
                )
        return None

    async def _report(self, api_service: Object) -> None:
        reference = api_service["spec"].get("service")
        if reference is None:
            condition = apiservices.local_condition()
        else:
            status, reason, message = await self._availability(api_service, reference)
            condition = {
                "type": apiservices.AVAILABLE,
                "status": status,
                "reason": reason,
                "message": message,
            }
        before: Object = api_service.get("status") or {}
        after = apiservices.with_condition(before, condition, format_time(self.clock.now()))
        if after != before:
            await self.client.update(API_SERVICES, {**api_service, "status": after}, subresource="status")

    async def _availability(self, api_service: Object, reference: Object) -> tuple[str, str, str]:
        namespace, name, number = reference["namespace"], reference["name"], reference.get("port", 443)
        where = f"service/{name} in {quote(namespace)}"
        service = self._services.get(namespace, name)
        if service is None:
            return "False", "ServiceNotFound", f"{where} is not present"
        if service["spec"].get("type", "ClusterIP") == "ClusterIP":
            ports = service["spec"].get("ports") or ()
            port = next((p for p in ports if p.get("port") == number), None)
            if port is None:
                return "False", "ServicePortError", f"{where} is not listening on port {number}"
            problem = self._endpoints_problem(namespace, name, port.get("name", ""), where)
            if problem:
                return ("False", *problem)
        if self._probe is not None:
            failure = await self._probe(api_service)
            if failure:
                return "False", "FailedDiscoveryCheck", failure
        return "True", "Passed", "all checks passed"

    def _endpoints_problem(
        self, namespace: str, name: str, port_name: str, where: str
    ) -> tuple[str, str] | None:
        slices = [
            s
            for s in self._slices.in_namespace(namespace)
            if s["metadata"].get("labels", {}).get(SERVICE_LABEL) == name
        ]
        if not slices:
            return "EndpointsNotFound", f"cannot find endpointslices for {where}"
        if any(_has_ready_endpoint(s, port_name) for s in slices):
            return None
        text = f"endpointslices for {where} have no addresses with port name {quote(port_name)}"
        return "MissingEndpoints", text


def _has_ready_endpoint(endpoint_slice: Object, port_name: str) -> bool:
    ready = any(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for endpoint in endpoint_slice.get("endpoints") or ()
    )
    return ready and any(
        port.get("name") == port_name and port.get("port") is not None
        for port in endpoint_slice.get("ports") or ()
    )
