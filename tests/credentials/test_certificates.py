from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sekisho.credentials import certificates, pki, signers, subjects, usages
from sekisho.schema.validation import certificates as validation

NOW = 1_800_000_000.0
PKI = pki.create(pki.ServingNames(), NOW)
KEY = ec.generate_private_key(ec.SECP256R1())
NODE = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, "system:node:n1")]


def csr(subject: Any = NODE, names: Any = (), key: Any = KEY) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signed(asked: list[str], duration: float = 8760 * 3600, **more: Any) -> x509.Certificate:
    request = certificates.parse_request(csr(**more))
    pem = certificates.sign_request(PKI.authority(), request, asked, duration, NOW)
    return x509.load_pem_x509_certificate(pem)


def test_what_a_signed_certificate_holds() -> None:
    import ipaddress

    subject = [
        (NameOID.COMMON_NAME, "first"),
        (NameOID.ORGANIZATION_NAME, "devs"),
        (NameOID.USER_ID, "vanishes"),
        (NameOID.ORGANIZATION_NAME, "ops"),
        (NameOID.COMMON_NAME, "jane"),
    ]
    names = [
        x509.DNSName("web"),
        x509.RFC822Name("a@example.com"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    ]
    made = signed(
        ["client auth", "key encipherment", "server auth", "digital signature"], subject=subject, names=names
    )
    assert subjects.common_name(made.subject) == "jane"
    assert subjects.organizations(made.subject) == (
        "ops",
        "devs",
    )  # a set is written in the order of its bytes
    assert len(list(made.subject)) == 3
    assert made.not_valid_before_utc.timestamp() == NOW - 300
    assert made.not_valid_after_utc.timestamp() == NOW + 8760 * 3600 - 300
    extensions = {e.oid._name: e for e in made.extensions}
    assert extensions["keyUsage"].critical
    assert [u._name for u in extensions["extendedKeyUsage"].value] == ["serverAuth", "clientAuth"]
    assert extensions["basicConstraints"].critical
    assert not extensions["basicConstraints"].value.ca
    assert extensions["authorityKeyIdentifier"].value.key_identifier
    assert len(list(extensions["subjectAltName"].value)) == 3
    assert made.serial_number.bit_length() <= 128
    made.verify_directly_issued_by(PKI.authority().certificate)


def test_durations() -> None:
    assert signed(["client auth"], 600).not_valid_after_utc.timestamp() == NOW + 600
    assert signed(["client auth"], 8 * 3600).not_valid_after_utc.timestamp() == NOW + 8 * 3600 - 300
    end = PKI.authority().certificate.not_valid_after_utc
    assert signed(["client auth"], 50 * 8760 * 3600).not_valid_after_utc == end
    assert certificates.clamp_duration(8760 * 3600, None) == 8760 * 3600
    assert certificates.clamp_duration(8760 * 3600, 5) == 600
    assert certificates.clamp_duration(3600, 7200) == 3600
    request = certificates.parse_request(csr())
    with pytest.raises(certificates.RequestError) as caught:
        certificates.sign_request(PKI.authority(), request, ["client auth"], 600, end.timestamp())
    assert str(caught.value) == f"the signer has expired: NotAfter={end:%Y-%m-%d %H:%M:%S} +0000 UTC"


def test_an_empty_subject_makes_the_names_critical() -> None:
    made = signed(["client auth"], subject=[], names=[x509.DNSName("a")])
    san = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert san.critical
    assert not [e for e in made.extensions if e.oid._name == "keyUsage"]


def test_any_combination_of_usages_is_signed() -> None:
    made = signed(["encipher only", "key agreement", "signing", "s/mime", "email protection"])
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert [
        u.dotted_string for u in made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    ] == ["1.3.6.1.5.5.7.3.4"]
    assert usages.key_usage(["client auth"]) is None
    decipher = usages.key_usage(["decipher only"])
    assert decipher is not None
    assert decipher.value == b"\x03\x03\x07\x00\x80"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "PEM block type must be CERTIFICATE REQUEST"),
        (PKI.ca.certificate, "PEM block type must be CERTIFICATE REQUEST"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "asn1"),
    ],
)
def test_requests_that_cannot_be_read(data: bytes, text: str) -> None:
    with pytest.raises(certificates.RequestError, match=text):
        certificates.parse_request(data)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (KEY, "x509: ECDSA verification failure"),
        (rsa.generate_private_key(65537, 2048), "crypto/rsa: verification error"),
    ],
)
def test_a_signature_that_does_not_hold(key: Any, text: str) -> None:
    from sekisho.api import pem

    block = pem.first(csr(key=key))
    assert block is not None
    broken = bytearray(block.data)
    broken[-3] ^= 0xFF
    with pytest.raises(certificates.RequestError, match=text):
        certificates.parse_request(pem.encode(block.type, bytes(broken)))


CLIENT = ["client auth", "digital signature", "key encipherment"]
DNS = [x509.DNSName("n1")]


@pytest.mark.parametrize(
    ("signer", "subject", "names", "asked", "text"),
    [
        (signers.APISERVER_CLIENT, [], (), ["client auth"], ""),
        (
            signers.APISERVER_CLIENT,
            [],
            (),
            ["server auth"],
            "invalid usage for client certificate: server auth",
        ),
        (
            signers.APISERVER_CLIENT,
            [],
            (),
            ["digital signature"],
            "missing required usage for client certificate: client auth",
        ),
        (signers.KUBELET_CLIENT, NODE, (), CLIENT, ""),
        (signers.KUBELET_CLIENT, NODE, (), CLIENT[:2], ""),
        (signers.KUBELET_CLIENT, NODE[1:], (), CLIENT, "subject organization is not system:nodes"),
        (signers.KUBELET_CLIENT, NODE, DNS, CLIENT, "DNS subjectAltNames are not allowed"),
        (
            signers.KUBELET_CLIENT,
            NODE[:1],
            (),
            CLIENT,
            "subject common name does not begin with system:node:",
        ),
        (
            signers.KUBELET_CLIENT,
            NODE,
            (),
            CLIENT[:1],
            "usages did not match [client auth digital signature key encipherment]",
        ),
        (signers.KUBELET_SERVING, NODE, DNS, ["server auth", "digital signature"], ""),
        (signers.KUBELET_SERVING, NODE, (), ["server auth"], "DNS or IP subjectAltName is required"),
        (
            signers.KUBELET_SERVING,
            NODE,
            [*DNS, x509.RFC822Name("a@b")],
            ["server auth"],
            "Email subjectAltNames are not allowed",
        ),
        (
            signers.KUBELET_SERVING,
            NODE,
            [*DNS, x509.UniformResourceIdentifier("x:y")],
            ["server auth"],
            "URI subjectAltNames are not allowed",
        ),
        (
            signers.KUBELET_SERVING,
            NODE,
            DNS,
            ["client auth"],
            "usages did not match [digital signature key encipherment server auth]",
        ),
        (signers.LEGACY_UNKNOWN, [], (), ["any"], ""),
        ("example.com/x", [], (), ["any"], None),
    ],
)
def test_signers(signer: str, subject: Any, names: Any, asked: list[str], text: str | None) -> None:
    request = certificates.parse_request(csr(subject, names))
    assert signers.refusal(signer, request, asked) == text


def obj(status: Any = None, **changes: Any) -> dict[str, Any]:
    base = {
        "request": base64.b64encode(csr()).decode(),
        "signerName": "example.com/one",
        "usages": ["client auth"],
    }
    return {"metadata": {"name": "a"}, "spec": base | changes, "status": status or {}}


def condition(kind: str, status: str = "True", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("made", "errors"),
    [
        (obj(), []),
        (
            {"metadata": {}, "spec": {}},
            [
                "spec.request: Invalid value: null: PEM block type must be CERTIFICATE REQUEST",
                "spec.usages: Required value",
                "spec.signerName: Required value",
            ],
        ),
        (
            obj(signerName="nodomain"),
            [
                'spec.signerName: Invalid value: "nodomain": must be a fully qualified domain and path of the '
                "form 'example.com/signer-name'"
            ],
        ),
        (
            obj(signerName="one/x"),
            [
                'spec.signerName: Invalid value: "one": should be a domain with at least two segments separated by dots'
            ],
        ),
        (
            obj(signerName="kubernetes.io/legacy-unknown"),
            [
                'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not '
                "allowed via this API version"
            ],
        ),
        (
            obj(usages=["client auth", "client auth"], expirationSeconds=599),
            [
                'spec.usages[1]: Duplicate value: "client auth"',
                "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds "
                "(10 minutes)",
            ],
        ),
        (
            obj({"conditions": [condition(""), condition("Free", "Maybe"), condition("Approved", "")]}),
            [
                "status.conditions[0].type: Required value",
                'status.conditions[1].status: Unsupported value: "Maybe": supported values: "False", "True", '
                '"Unknown"',
                "status.conditions[2].status: Required value",
            ],
        ),
        (
            obj({"conditions": [condition("Denied"), condition("Approved"), condition("Denied")]}),
            [
                'status.conditions: Invalid value: "Approved": Approved and Denied conditions are mutually exclusive',
                'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
                'status.conditions[2].type: Duplicate value: "Denied"',
            ],
        ),
        (
            obj({"certificate": "eHl6"}),
            [
                'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE '
                "PEM block"
            ],
        ),
    ],
)
def test_validation_of_new_requests(made: Any, errors: list[str]) -> None:
    assert [str(e) for e in validation.validate_create(made)] == errors


def test_validation_of_updates() -> None:
    approved, certificate = (
        obj({"conditions": [condition("Approved")]}),
        base64.b64encode(PKI.ca.certificate).decode(),
    )
    texts = lambda errors: [str(e).removeprefix("status.") for e in errors]  # noqa: E731
    assert texts(validation.validate_approval_update(obj(), approved)) == [
        'conditions: Forbidden: updates may not remove a condition of type "Approved"'
    ]
    assert texts(validation.validate_status_update(approved, obj())) == [
        'conditions: Forbidden: updates may not add a condition of type "Approved"'
    ]
    assert validation.validate_approval_update(approved, obj()) == []
    changed = obj({"conditions": [condition("Approved", reason="x")]})
    assert texts(validation.validate_status_update(changed, approved)) == [
        'conditions: Forbidden: updates may not modify a condition of type "Approved"'
    ]
    assert validation.validate_approval_update(changed, approved) == []
    issued = obj({"certificate": certificate})
    assert validation.validate_status_update(issued, obj()) == []
    assert texts(validation.validate_approval_update(issued, obj())) == [
        "certificate: Forbidden: updates may not set certificate content"
    ]
    other = obj({"certificate": base64.b64encode(PKI.admin.certificate).decode()})
    assert texts(validation.validate_status_update(other, issued)) == [
        "certificate: Forbidden: updates may not modify existing certificate content"
    ]
    legacy = obj(signerName="kubernetes.io/legacy-unknown", usages=["x", "x"])
    assert validation.validate_update(legacy, legacy) == []


def test_issued_clients_are_fit_for_tls() -> None:
    pair = certificates.issue_client(PKI.authority(), "alice", ("dev",), now=NOW, duration=3600)
    made = x509.load_pem_x509_certificate(pair.certificate)
    assert made.not_valid_after_utc == datetime.datetime.fromtimestamp(NOW + 3600, datetime.UTC)
    assert pair.key is not None
    assert certificates.load_private_key(pair.key).public_key() == made.public_key()
