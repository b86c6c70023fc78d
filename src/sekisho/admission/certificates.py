"""Who may approve, sign and request certificates: the checks that go by the signer's name.

Four plugins of upstream's plugin/pkg/admission/certificates. A right to a signer is the verb on resource
`signers` of certificates.k8s.io, by the signer's whole name or by `<domain>/*`.
"""

from __future__ import annotations

import base64
import binascii

from sekisho.admission.interface import AdmissionRequest, Operation, Plugin
from sekisho.api.goformat import quote
from sekisho.api.types import MASTERS, Attributes, GroupResource, Object
from sekisho.credentials.certificates import RequestError, parse_request
from sekisho.credentials.subjects import organizations

GROUP = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
_REQUESTS = GroupResource(GROUP, "certificatesigningrequests")
_BUNDLES = GroupResource(GROUP, "clustertrustbundles")


async def may_use_signer(request: AdmissionRequest, verb: str, signer: str) -> bool:
    """Whether the user has the verb on the signer or on all signers of its domain."""
    domain = signer.partition("/")[0]
    for name in (signer, f"{domain}/*"):
        attributes = Attributes(
            user=request.user,
            verb=verb,
            api_group=GROUP,
            api_version="*",
            resource="signers",
            name=name,
        )
        if (await request.authorizer.authorize(attributes)).allowed:
            return True
    return False


def _signer(obj: Object | None) -> str:
    name: str = ((obj or {}).get("spec") or {}).get("signerName", "")
    return name


class CertificateApproval(Plugin):
    """certificatesigningrequests/approval needs the verb `approve` on the request's signer."""

    name = "CertificateApproval"

    async def validate(self, request: AdmissionRequest) -> None:
        if request.subresource != "approval" or request.group_resource != _REQUESTS:
            return
        signer = _signer(request.old_object)
        if not await may_use_signer(request, "approve", signer):
            raise request.forbidden(f"user not permitted to approve requests with signerName {quote(signer)}")


class CertificateSigning(Plugin):
    """A change of certificate or conditions by /status needs the verb `sign` on the request's signer."""

    name = "CertificateSigning"

    async def validate(self, request: AdmissionRequest) -> None:
        if request.subresource != "status" or request.group_resource != _REQUESTS:
            return
        before = (request.old_object or {}).get("status") or {}
        after = (request.object or {}).get("status") or {}
        if all(
            (before.get(key) or None) == (after.get(key) or None) for key in ("certificate", "conditions")
        ):
            return
        signer = _signer(request.old_object)
        if not await may_use_signer(request, "sign", signer):
            raise request.forbidden(f"user not permitted to sign requests with signerName {quote(signer)}")


class CertificateSubjectRestriction(Plugin):
    """Nobody gets a certificate of `system:masters` from the signer of client certificates."""

    name = "CertificateSubjectRestriction"

    async def validate(self, request: AdmissionRequest) -> None:
        if request.operation is not Operation.CREATE or request.subresource:
            return
        if request.group_resource != _REQUESTS or _signer(request.object) != CLIENT_SIGNER:
            return
        encoded = ((request.object or {}).get("spec") or {}).get("request", "")
        try:
            parsed = parse_request(base64.b64decode(encoded))
        except (RequestError, binascii.Error) as error:
            raise request.forbidden(f"failed to parse CSR: {error}")
        if MASTERS in organizations(parsed.subject):
            raise request.forbidden(f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


class ClusterTrustBundleAttest(Plugin):
    """A ClusterTrustBundle that names a signer needs the verb `attest` on it."""

    name = "ClusterTrustBundleAttest"

    async def validate(self, request: AdmissionRequest) -> None:
        if request.group_resource != _BUNDLES or request.operation is Operation.DELETE:
            return
        signer = _signer(request.object) or _signer(request.old_object)
        if signer and not await may_use_signer(request, "attest", signer):
            raise request.forbidden(f"user not permitted to attest for signerName {quote(signer)}")
