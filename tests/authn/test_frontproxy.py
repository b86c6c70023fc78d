from __future__ import annotations

from typing import Any

from sekisho.authn import frontproxy
from sekisho.authn.frontproxy import FrontProxyHeaders
from sekisho.authn.verified import Roots


def test_flags() -> None:
    assert FrontProxyHeaders().errors() == []
    assert FrontProxyHeaders(username=("",), extra_prefix=(" ",)).errors() == [
        'empty value in "requestheader-username-headers"',
        'empty value in "requestheader-extra-headers-prefix"',
    ]
    assert FrontProxyHeaders(uid=("X-Other",)).errors() == [
        "--requestheader-uid-headers is set without specifying the standard X-Remote-Uid header - "
        "API aggregation will not work"
    ]
    assert FrontProxyHeaders(uid=("x-remote-uid",)).errors() == []


def test_one_authority_for_both(world: Any) -> None:
    ca, other = Roots(world.pki.ca.certificate), Roots(world.pki.front_proxy_ca.certificate)
    assert frontproxy.overlap_error(other, ca, ()) is None
    assert frontproxy.overlap_error(ca, ca, ("proxy",)) is None
    assert "contain overlapping certificates" in (frontproxy.overlap_error(ca, ca, ()) or "")


def test_headers_that_handlers_never_see() -> None:
    headers = [(b"accept", b"a"), (b"authorization", b"b"), (b"x-remote-extra-k", b"c"), (b"x-mine", b"d")]
    assert frontproxy.without_identity_headers(headers) == [(b"accept", b"a"), (b"x-mine", b"d")]
    own = FrontProxyHeaders(username=("X-Mine",))
    assert frontproxy.without_identity_headers(headers, own) == [(b"accept", b"a")]
    clean = [(b"accept", b"a")]
    assert frontproxy.without_identity_headers(clean) is clean


def test_what_extension_servers_are_told() -> None:
    names = FrontProxyHeaders(allowed_names=("front-proxy-client",))
    assert frontproxy.config_map_data(b"C", b"P", names) == {
        "client-ca-file": "C",
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-client-ca-file": "P",
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-username-headers": '["X-Remote-User"]',
    }
    assert "requestheader-uid-headers" in frontproxy.config_map_data(
        b"", b"P", FrontProxyHeaders(uid=("X-Remote-Uid",))
    )
    assert frontproxy.config_map_data(b"", b"", names) == {}
