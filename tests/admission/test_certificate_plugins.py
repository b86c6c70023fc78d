"""Rights to signers, and the group no certificate may carry."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from admission.fake import Answers, refused, request, run
from sekisho.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
    ClusterTrustBundleAttest,
)

CSR = "certificatesigningrequests.certificates.k8s.io"
OLD = {"metadata": {"name": "c"}, "spec": {"signerName": "example.com/x"}, "status": {}}


def approval(authorizer):
    return request(CSR, "UPDATE", OLD, OLD, subresource="approval", name="c", authorizer=authorizer)


@pytest.mark.parametrize("right", ["example.com/x", "example.com/*"])
def test_approval_by_name_or_domain(right):
    answers = Answers(lambda a: a.name == right)
    run(CertificateApproval(), approval(answers))
    assert all(
        (a.verb, a.api_group, a.resource) == ("approve", "certificates.k8s.io", "signers")
        for a in answers.asked
    )


def test_approval_without_the_right():
    assert refused(CertificateApproval(), approval(Answers())).message == (
        f'{CSR} "c" is forbidden: user not permitted to approve requests with signerName "example.com/x"'
    )


def test_signing_is_a_change_of_certificate_or_conditions():
    def update(status):
        return request(CSR, "UPDATE", {**OLD, "status": status}, OLD, subresource="status", name="c")

    run(CertificateSigning(), update({}))
    run(CertificateSigning(), update({"conditions": []}))
    for status in ({"certificate": "x"}, {"conditions": [{"type": "Failed"}]}):
        assert refused(CertificateSigning(), update(status)).message.endswith(
            'user not permitted to sign requests with signerName "example.com/x"'
        )


def signing_request(organization, signer="kubernetes.io/kube-apiserver-client"):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM)
    spec = {"signerName": signer, "request": base64.b64encode(pem).decode()}
    return request(CSR, "CREATE", {"metadata": {}, "spec": spec}, name="c")


def test_nobody_becomes_a_master_by_certificate():
    plugin = CertificateSubjectRestriction()
    run(plugin, signing_request("dev"))
    run(plugin, signing_request("system:masters", "example.com/x"))
    assert refused(plugin, signing_request("system:masters")).message == (
        f'{CSR} "c" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is '
        "not allowed"
    )


def test_bundles_of_a_signer():
    resource = "clustertrustbundles.certificates.k8s.io"
    run(ClusterTrustBundleAttest(), request(resource, obj={"spec": {}}, name="b"))
    assert refused(ClusterTrustBundleAttest(), request(resource, obj=OLD, name="b")).message.endswith(
        'user not permitted to attest for signerName "example.com/x"'
    )
