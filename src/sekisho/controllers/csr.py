"""Certificate signing requests: automatic approval for kubelets, the built-in signers, and the clean-up.

Three controllers with one account, `certificate-controller`, as upstream.
"""

from __future__ import annotations

import base64

from cryptography import x509

from sekisho.api.clock import Clock
from sekisho.api.time import format_time, parse_time
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.credentials import signers, subjects
from sekisho.credentials.certificates import (
    Authority,
    RequestError,
    clamp_duration,
    parse_request,
    sign_request,
)
from sekisho.registry.client import Client

RESOURCE = "certificatesigningrequests.certificates.k8s.io"
ACCOUNT = "certificate-controller"

CLEAN_PERIOD = 3600.0
DECIDED_AGE = 3600.0
PENDING_AGE = 24 * 3600.0


def condition(csr: Object, kind: str) -> Object | None:
    return next((c for c in csr.get("status", {}).get("conditions", ()) if c["type"] == kind), None)


def request_of(csr: Object) -> x509.CertificateSigningRequest:
    """The request inside. Raises RequestError."""
    return parse_request(base64.b64decode(csr["spec"]["request"]))


class _CSRController(Controller):
    account = ACCOUNT

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self.csrs = self.informer(RESOURCE)
        self.csrs.on_change(self._changed)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    async def _add_condition(self, csr: Object, condition: Object, subresource: str) -> None:
        now = format_time(self.clock.now())
        full = {**condition, "lastUpdateTime": now, "lastTransitionTime": now}
        status = csr.get("status", {})
        conditions = [*status.get("conditions", ()), full]
        await self.client.update(
            RESOURCE, {**csr, "status": {**status, "conditions": conditions}}, subresource=subresource
        )


class CSRApprover(_CSRController):
    """Approves a kubelet's client certificate when its requester may ask for one; nothing else is automatic."""

    async def reconcile(self, key: str) -> None:
        csr = await self.client.find(RESOURCE, key)
        if csr is None or csr["spec"].get("signerName") != signers.KUBELET_CLIENT:
            return
        if csr.get("status", {}).get("certificate") or csr.get("status", {}).get("conditions"):
            return
        request = request_of(csr)
        if not signers.auto_approvable(request, csr["spec"].get("usages", [])):
            return
        own = subjects.common_name(request.subject) == csr["spec"].get("username")
        recognised = [("selfnodeclient", "Auto approving self kubelet client certificate")] if own else []
        recognised.append(("nodeclient", "Auto approving kubelet client certificate"))
        for subresource, text in recognised:
            if await self._may(csr, subresource):
                approval = {
                    "type": "Approved",
                    "status": "True",
                    "reason": "AutoApproved",
                    "message": f"{text} after SubjectAccessReview.",
                }
                await self._add_condition(csr, approval, "approval")
                return
        self.queue.failed(key)

    async def _may(self, csr: Object, subresource: str) -> bool:
        spec = csr["spec"]
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": spec.get("username", ""),
                "uid": spec.get("uid", ""),
                "groups": spec.get("groups", []),
                "extra": spec.get("extra", {}),
                "resourceAttributes": {
                    "verb": "create",
                    "group": "certificates.k8s.io",
                    "version": "*",
                    "resource": "certificatesigningrequests",
                    "subresource": subresource,
                },
            },
        }
        answer = await self.client.create("subjectaccessreviews.authorization.k8s.io", review)
        return bool(answer["status"]["allowed"])


class CSRSigner(_CSRController):
    """Signs what is approved for one of the built-in signers; a request its signer refuses becomes Failed."""

    def __init__(self, client: Client, clock: Clock, authority: Authority, duration: float) -> None:
        super().__init__(client, clock)
        self._authority = authority
        self._duration = duration

    async def reconcile(self, key: str) -> None:
        csr = await self.client.find(RESOURCE, key)
        if csr is None or csr.get("status", {}).get("certificate"):
            return
        if condition(csr, "Approved") is None or condition(csr, "Failed") or condition(csr, "Denied"):
            return
        spec = csr["spec"]
        try:
            request = request_of(csr)
            refusal = signers.refusal(spec["signerName"], request, spec.get("usages", []))
            if refusal is None:
                return
            if not refusal:
                await self._sign(csr, request)
                return
        except RequestError as error:
            refusal = str(error)
        failure = {
            "type": "Failed",
            "status": "True",
            "reason": "SignerValidationFailure",
            "message": refusal,
        }
        await self._add_condition(csr, failure, "status")

    async def _sign(self, csr: Object, request: x509.CertificateSigningRequest) -> None:
        spec = csr["spec"]
        duration = clamp_duration(self._duration, spec.get("expirationSeconds"))
        pem = sign_request(self._authority, request, spec.get("usages", []), duration, self.clock.now())
        status = {**csr.get("status", {}), "certificate": base64.b64encode(pem).decode()}
        await self.client.update(RESOURCE, {**csr, "status": status}, subresource="status")


class CSRCleaner(_CSRController):
    """Deletes requests that are done or forgotten, once an hour."""

    async def started(self) -> None:
        self.queue.add_after("", CLEAN_PERIOD)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        """Changes do not matter: the clean-up looks at all of them in its own time."""

    async def reconcile(self, key: str) -> None:
        now = self.clock.now()
        for csr in self.csrs:
            if _is_old(csr, now):
                await self.client.delete(RESOURCE, csr["metadata"]["name"])
        self.queue.add_after("", CLEAN_PERIOD)


def _is_old(csr: Object, now: float) -> bool:
    issued = csr.get("status", {}).get("certificate")
    if issued and _expired(issued, now):
        return True
    for kind in ("Approved", "Denied", "Failed"):
        decided = condition(csr, kind)
        if decided is None:
            continue
        limit = PENDING_AGE if kind == "Approved" and not issued else DECIDED_AGE
        return now - parse_time(decided["lastUpdateTime"]) > limit
    return now - parse_time(csr["metadata"]["creationTimestamp"]) > PENDING_AGE


def _expired(certificate: str, now: float) -> bool:
    try:
        parsed = x509.load_pem_x509_certificate(base64.b64decode(certificate))
    except ValueError:
        return False
    return parsed.not_valid_after_utc.timestamp() < now
