"""The built-in signers of certificates.k8s.io: which requests each of them will sign.

Follows k8s.io/kubernetes/pkg/apis/certificates helpers; the texts become the message of the Failed condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cryptography import x509

from sekisho.api.types import NODE_USER_PREFIX, NODES
from sekisho.credentials import subjects
from sekisho.credentials.certificates import request_names

APISERVER_CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY_UNKNOWN = "kubernetes.io/legacy-unknown"

Check = Callable[[x509.CertificateSigningRequest, Sequence[str]], str]


def _has(request: x509.CertificateSigningRequest, kind: type[x509.GeneralName]) -> bool:
    return any(isinstance(name, kind) for name in request_names(request))


def _usages_mismatch(usages: Sequence[str], needed: str) -> str:
    required = {"digital signature", needed}
    allowed = required | {"key encipherment"}
    asked = set(usages)
    if required <= asked <= allowed:
        return ""
    return f"usages did not match [{' '.join(sorted(allowed))}]"


def check_apiserver_client(request: x509.CertificateSigningRequest, usages: Sequence[str]) -> str:
    for usage in usages:
        if usage not in ("digital signature", "key encipherment", "client auth"):
            return f"invalid usage for client certificate: {usage}"
    if "client auth" not in usages:
        return "missing required usage for client certificate: client auth"
    return ""


def check_kubelet_client(request: x509.CertificateSigningRequest, usages: Sequence[str]) -> str:
    if subjects.organizations(request.subject) != (NODES,):
        return "subject organization is not system:nodes"
    kinds: tuple[tuple[str, type[x509.GeneralName]], ...] = (
        ("DNS", x509.DNSName),
        ("Email", x509.RFC822Name),
        ("IP", x509.IPAddress),
        ("URI", x509.UniformResourceIdentifier),
    )
    for word, kind in kinds:
        if _has(request, kind):
            return f"{word} subjectAltNames are not allowed"
    if not subjects.common_name(request.subject).startswith(NODE_USER_PREFIX):
        return "subject common name does not begin with system:node:"
    return _usages_mismatch(usages, "client auth")


def check_kubelet_serving(request: x509.CertificateSigningRequest, usages: Sequence[str]) -> str:
    if subjects.organizations(request.subject) != (NODES,):
        return "subject organization is not system:nodes"
    if not (_has(request, x509.DNSName) or _has(request, x509.IPAddress)):
        return "DNS or IP subjectAltName is required"
    if _has(request, x509.RFC822Name):
        return "Email subjectAltNames are not allowed"
    if _has(request, x509.UniformResourceIdentifier):
        return "URI subjectAltNames are not allowed"
    if mismatch := _usages_mismatch(usages, "server auth"):
        return mismatch
    if not subjects.common_name(request.subject).startswith(NODE_USER_PREFIX):
        return "subject common name does not begin with system:node:"
    return ""


CHECKS: dict[str, Check] = {
    APISERVER_CLIENT: check_apiserver_client,
    KUBELET_CLIENT: check_kubelet_client,
    KUBELET_SERVING: check_kubelet_serving,
    LEGACY_UNKNOWN: lambda request, usages: "",
}


def refusal(signer: str, request: x509.CertificateSigningRequest, usages: Sequence[str]) -> str | None:
    """Why a built-in signer will not sign: "" when it will, None when the signer is none of ours."""
    check = CHECKS.get(signer)
    return None if check is None else check(request, usages)


def auto_approvable(request: x509.CertificateSigningRequest, usages: Sequence[str]) -> bool:
    """Whether csrapproving looks at the request at all: a valid kubelet client's."""
    return check_kubelet_client(request, usages) == ""
