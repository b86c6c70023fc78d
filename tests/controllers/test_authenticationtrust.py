"""What extension servers are told of whom to believe."""

from __future__ import annotations

import time

from sekisho.authn.frontproxy import FrontProxyHeaders, config_map_data
from sekisho.controllers.authenticationtrust import merged
from sekisho.credentials import pki
from sekisho.credentials.certificates import certificate_pem, self_signed_authority

NOW = time.time()
ONE, OTHER = (pki.create(pki.ServingNames(), NOW) for _ in range(2))
HEADERS = FrontProxyHeaders(allowed_names=("proxy",))


def told(keys: pki.PKI, headers: FrontProxyHeaders = HEADERS) -> dict[str, str]:
    return config_map_data(keys.ca.certificate, keys.front_proxy_ca.certificate, headers)


def test_what_is_told_once_stays() -> None:
    first = merged({}, told(ONE), NOW)
    assert first["requestheader-allowed-names"] == '["proxy"]'
    assert first["requestheader-username-headers"] == '["X-Remote-User"]'
    assert merged(first, told(ONE), NOW) == first
    both = merged({**first, "other": "x"}, told(OTHER, FrontProxyHeaders(allowed_names=("p2", "proxy"))), NOW)
    assert both["client-ca-file"] == (ONE.ca.certificate + OTHER.ca.certificate).decode()
    assert both["requestheader-allowed-names"] == '["proxy","p2"]'
    assert both["other"] == "x"


def test_expired_and_broken_content_goes() -> None:
    expired = certificate_pem(self_signed_authority("old", NOW - 20 * 365 * 24 * 3600).certificate).decode()
    present = {"client-ca-file": f"junk\n{expired}", "requestheader-group-headers": "{"}
    found = merged(present, told(ONE), NOW)
    assert found["client-ca-file"] == ONE.ca.certificate.decode()
    assert found["requestheader-group-headers"] == '["X-Remote-Group"]'
