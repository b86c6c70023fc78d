"""The subresources of a Pod that lead to its node: log, exec, attach, portforward, proxy.

Everything that the API server checks before it turns to the node is here. The simulated node has no processes:
its Pods have empty logs, and what needs a process is refused in so many words.
"""

from __future__ import annotations

from ipaddress import ip_address

from sekisho.api import status
from sekisho.api.field import ErrorList, Path, forbidden, invalid
from sekisho.api.types import Attributes, GroupVersionKind, Object
from sekisho.registry import options
from sekisho.registry.registry import Registry
from sekisho.registry.rest import Rest, Subresource
from sekisho.registry.strategy import Context
from sekisho.server import negotiation
from sekisho.server.request import Request, Response

POSITIVE = "must be greater than 0"
_LOG_TYPES = ("text/plain", *negotiation.MEDIA_TYPES)
NOT_NEGATIVE = "must be greater than or equal to 0"


class Connection(Subresource):
    """A subresource that takes the whole HTTP request instead of an object."""

    kind_name = "PodExecOptions"

    def __init__(self, registry: Registry) -> None:
        gvk = GroupVersionKind("", "v1", self.kind_name)
        super().__init__(gvk, registry.types.for_kind(GroupVersionKind("", "v1", "Pod")))

    async def connect(self, request: Request, rest: Rest, ctx: Context) -> Response:
        raise NotImplementedError


class Log(Connection):
    kind_name = "PodLogOptions"

    async def connect(self, request: Request, rest: Rest, ctx: Context) -> Response:
        """The log of one container; 204 for a Pod that has no node yet."""
        negotiation.check_route(request.header(b"accept"), _LOG_TYPES)
        errors = log_option_errors(request)
        if errors:
            raise status.invalid(self.kind, ctx.name, errors)
        pod = rest.entry(ctx.namespace, ctx.name).obj
        chosen_container(pod, options.first(request.query, "container"))
        if not pod["spec"].get("nodeName"):
            return Response(204, b"", b"")
        return Response(200, b"", b"text/plain")


class Exec(Connection):
    """exec and attach: a process in a container, or one that runs there already."""

    names_container = True
    wants = "execute a command in"

    async def connect(self, request: Request, rest: Rest, ctx: Context) -> Response:
        if request.method == "GET":
            await _may_create(rest, ctx)
        pod = rest.entry(ctx.namespace, ctx.name).obj
        if self.names_container:
            chosen_container(pod, options.first(request.query, "container"))
        node = pod["spec"].get("nodeName")
        if not node:
            raise status.bad_request(f"pod {ctx.name} does not have a host assigned")
        raise status.bad_request(
            f"pod {ctx.name} runs on the simulated node {node}: there is no process to {self.wants}"
        )


class Attach(Exec):
    kind_name = "PodAttachOptions"
    wants = "attach to"


class PortForward(Exec):
    kind_name = "PodPortForwardOptions"
    names_container = False
    wants = "forward a port to"


class PodProxy(Connection):
    kind_name = "PodProxyOptions"

    async def connect(self, request: Request, rest: Rest, ctx: Context) -> Response:
        """`[scheme:]name[:port]`; only addresses that lead out of this machine may be asked for."""
        parts = ctx.name.split(":")
        name = parts[1] if len(parts) == 3 else parts[0]
        pod = rest.entry(ctx.namespace, name).obj
        if not is_proxyable(pod.get("status", {}).get("podIP", "")):
            raise status.bad_request("address not allowed")
        node = pod["spec"].get("nodeName", "")
        body = f"error trying to reach service: pod {name} runs on the simulated node {node}"
        return Response(503, body.encode(), b"text/plain; charset=utf-8")


def install(registry: Registry) -> None:
    made = {
        "log": Log(registry),
        "exec": Exec(registry),
        "attach": Attach(registry),
        "portforward": PortForward(registry),
        "proxy": PodProxy(registry),
    }
    for name, handler in made.items():
        registry.install("", "pods", handler, name)


def container_names(pod: Object) -> list[str]:
    """Of all containers, in the order init, regular, ephemeral."""
    spec = pod["spec"]
    keys = ("initContainers", "containers", "ephemeralContainers")
    return [c["name"] for key in keys for c in spec.get(key) or ()]


def chosen_container(pod: Object, asked: str) -> str:
    """The container a request means. 400 when it has to be named, or there is none of that name."""
    name = pod["metadata"]["name"]
    known = container_names(pod)
    if not asked:
        regular: list[Object] = pod["spec"].get("containers") or []
        if len(regular) == 1:
            return str(regular[0]["name"])
        listed = " ".join(known)
        raise status.bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{listed}]"
        )
    if asked not in known:
        raise status.bad_request(f"container {asked} is not valid for pod {name}")
    return asked


def log_option_errors(request: Request) -> ErrorList:
    """PodLogOptions' validation. 400 for numbers that are none."""
    query = request.query
    errors: ErrorList = []
    tail = options.integer(query, "tailLines")
    limit = options.integer(query, "limitBytes")
    since = options.integer(query, "sinceSeconds")
    if tail is not None and tail < 0:
        errors.append(invalid(Path("tailLines"), tail, NOT_NEGATIVE))
    if limit is not None and limit < 1:
        errors.append(invalid(Path("limitBytes"), limit, POSITIVE))
    if since is not None and options.first(query, "sinceTime"):
        text = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        errors.append(forbidden(Path("[]"), text))
    elif since is not None and since < 1:
        errors.append(invalid(Path("sinceSeconds"), since, POSITIVE))
    if options.first(query, "stream"):
        errors.append(forbidden(Path("stream"), "may not be specified"))
    return errors


def is_proxyable(address: str) -> bool:
    """Whether upstream would open a connection to the address for somebody else: not to itself."""
    if not address:
        return False
    ip = ip_address(address)
    return not (ip.is_unspecified or ip.is_loopback or ip.is_link_local or ip.is_multicast)


async def _may_create(rest: Rest, ctx: Context) -> None:
    """A GET that upgrades needs the right to create as well; the refusal holds the reason alone."""
    attributes = Attributes(
        user=ctx.user,
        verb="create",
        namespace=ctx.namespace,
        api_group=rest.info.group,
        api_version=rest.info.version,
        resource=rest.info.resource,
        subresource=ctx.subresource,
        name=ctx.name,
    )
    verdict = await ctx.authorizer.authorize(attributes)
    if not verdict.allowed:
        raise status.forbidden(rest.resource, ctx.name, verdict.reason)
