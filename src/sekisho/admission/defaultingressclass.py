"""DefaultIngressClass: an Ingress that says nothing of its class gets the default one."""

from __future__ import annotations

from sekisho.admission.defaultclasses import default_class
from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.schema.validation.ingress import CLASS_ANNOTATION

CLASSES = "ingressclasses.networking.k8s.io"
_DEFAULT = ("ingressclass.kubernetes.io/is-default-class",)


class DefaultIngressClass(Plugin):
    name = "DefaultIngressClass"
    may_change = frozenset(("ingresses",))

    async def admit(self, request: AdmissionRequest) -> None:
        ingress = request.object
        if (request.info.group, request.info.resource) != ("networking.k8s.io", "ingresses"):
            return
        if ingress is None or request.operation is not Operation.CREATE or request.subresource:
            return
        spec = ingress.setdefault("spec", {})
        if spec.get("ingressClassName") is not None:
            return
        if CLASS_ANNOTATION in ingress["metadata"].get("annotations", {}):
            return
        name = default_class(request.lookup.list(CLASSES, ""), _DEFAULT)
        if name:
            ingress["spec"] = {"ingressClassName": name, **spec}
