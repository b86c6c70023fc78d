"""DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or cannot be reached."""

from __future__ import annotations

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.types import Object

TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
SECONDS = 300
_EFFECT = "NoExecute"


class DefaultTolerationSeconds(Plugin):
    name = "DefaultTolerationSeconds"
    may_change = frozenset(("pods",))

    async def admit(self, request: AdmissionRequest) -> None:
        pod = request.object
        if pod is None or request.subresource or (request.info.group, request.info.resource) != ("", "pods"):
            return
        if request.operation not in (Operation.CREATE, Operation.UPDATE):
            return
        spec: Object = pod["spec"]
        present = spec.get("tolerations") or []
        added = [
            {"key": taint, "operator": "Exists", "effect": _EFFECT, "tolerationSeconds": SECONDS}
            for taint in TAINTS
            if not any(_tolerates(toleration, taint) for toleration in present)
        ]
        if added:
            spec["tolerations"] = [*present, *added]


def _tolerates(toleration: Object, taint: str) -> bool:
    return toleration.get("key", "") in ("", taint) and toleration.get("effect", "") in ("", _EFFECT)
