"""A front proxy vouches for its users in headers (pkg/authentication/request/headerrequest).

The proxy proves itself with a client certificate of its own CA; without it the headers mean nothing. Headers
are looked at only after that, and are taken out of the request.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sekisho.api.clock import Clock
from sekisho.api.goformat import compact_json, quote
from sekisho.api.types import UserInfo
from sekisho.authn.interface import AuthnRequest, Identity, Outcome, RawHeaders, refuse
from sekisho.authn.verified import Chain, ChainCache, Checked, Roots
from sekisho.authn.x509 import why_refused
from sekisho.credentials import subjects

NAME = "front-proxy"
CONFIG_MAP = "extension-apiserver-authentication"
STANDARD_UID_HEADER = "x-remote-uid"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class FrontProxyHeaders:
    """--requestheader-* names; compared without case. Empty `allowed_names` allows every CN."""

    username: tuple[str, ...] = ("X-Remote-User",)
    uid: tuple[str, ...] = ()
    group: tuple[str, ...] = ("X-Remote-Group",)
    extra_prefix: tuple[str, ...] = ("X-Remote-Extra-",)
    allowed_names: tuple[str, ...] = ()

    def errors(self) -> list[str]:
        """What is wrong with the flags, in upstream's words."""
        found = []
        for flag, values in (
            ("requestheader-username-headers", self.username),
            ("requestheader-uid-headers", self.uid),
            ("requestheader-group-headers", self.group),
            ("requestheader-extra-headers-prefix", self.extra_prefix),
        ):
            if any(not v.strip() for v in values):
                found.append(f"empty value in {quote(flag)}")
        if self.uid and STANDARD_UID_HEADER not in {v.lower() for v in self.uid}:
            found.append(
                "--requestheader-uid-headers is set without specifying the standard X-Remote-Uid header - "
                "API aggregation will not work"
            )
        return found


def overlap_error(front_proxy: Roots, client: Roots, allowed_names: Sequence[str]) -> str | None:
    """One CA for both would let every client certificate speak for anybody."""
    shared = set(front_proxy.certificates) & set(client.certificates)
    if not shared or allowed_names:
        return None
    return (
        "--requestheader-client-ca-file and --client-ca-file contain overlapping certificates; "
        "--requestheader-allowed-names must be specified to ensure regular client certificates cannot set "
        "authenticating proxy headers for arbitrary users"
    )


def unescape_key(key: str) -> str:
    """Percent-decoding of an extra key; a malformed escape leaves the key as it is."""
    if "%" not in key or _BAD_ESCAPE.search(key):
        return key
    return urllib.parse.unquote(key, errors="replace")


def _encoded(names: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(name.strip().lower().encode("latin-1", "replace") for name in names)


def without_identity_headers(headers: RawHeaders, config: FrontProxyHeaders | None = None) -> RawHeaders:
    """Headers as handlers behind authentication see them: no Authorization, nothing of a front proxy.

    Returns the same object when there is nothing to remove.
    """
    names = {b"authorization", b"x-remote-user", b"x-remote-uid", b"x-remote-group"}
    prefixes: tuple[bytes, ...] = (b"x-remote-extra-",)
    if config is not None:
        names.update(_encoded((*config.username, *config.uid, *config.group)))
        prefixes += _encoded(config.extra_prefix)
    if not any(k in names or k.startswith(prefixes) for k, _ in headers):
        return headers
    return [(k, v) for k, v in headers if k not in names and not k.startswith(prefixes)]


class FrontProxyAuthenticator:
    """Abstains without a certificate or a user header; refuses a certificate that is not the proxy's."""

    name = NAME

    def __init__(self, roots: Roots, clock: Clock, headers: FrontProxyHeaders) -> None:
        self._roots = roots
        self._config = headers
        self._username = _encoded(headers.username)
        self._uid = _encoded(headers.uid)
        self._group = _encoded(headers.group)
        self._prefixes = _encoded(headers.extra_prefix)
        self._cache: ChainCache[tuple[str, str] | str] = ChainCache(roots, clock, self._conclude)

    def _conclude(self, chain: Chain, checked: Checked) -> tuple[str, str] | str:
        """Reason and finding of a refusal; for a proxy of ours, the serial number of its certificate."""
        if checked.error is not None or checked.leaf is None:
            return checked.error.text if checked.error else "", why_refused(checked)
        name = subjects.common_name(checked.leaf.subject)
        if self._config.allowed_names and name not in self._config.allowed_names:
            text = f"x509: subject with cn={name} is not in the allowed list"
            return text, f"CN {name} is not among the allowed names"
        return f"{checked.leaf.serial_number:x}"

    async def authenticate(self, request: AuthnRequest) -> Outcome:
        chain = request.peer_chain
        if not chain or not self._roots.certificates:
            return None
        concluded = self._cache.result(chain)
        if not isinstance(concluded, str):
            request.found(NAME, concluded[1])
            return refuse(concluded[0])
        user = self._user(request)
        if user is None:
            request.found(NAME, "the proxy's certificate is good, but no header names a user")
            return None
        request.found(NAME, f"accepted: the proxy vouches for {user.name}")
        request.headers = self._without_own(request.headers)
        return Identity(user, certificate_serial=concluded)

    def _first(self, request: AuthnRequest, names: Sequence[bytes]) -> str:
        for name in names:
            value = next(iter(request.values(name)), "")
            if value:
                return value
        return ""

    def _user(self, request: AuthnRequest) -> UserInfo | None:
        name = self._first(request, self._username)
        if not name:
            return None
        groups = tuple(v for header in self._group for v in request.values(header) if v)
        extra: dict[str, tuple[str, ...]] = {}
        for prefix in self._prefixes:
            for header in dict.fromkeys(k for k, _ in request.headers if k.startswith(prefix)):
                key = unescape_key(header[len(prefix) :].decode("utf-8", "replace"))
                extra[key] = (*extra.get(key, ()), *request.values(header))
        return UserInfo(name, self._first(request, self._uid), groups, extra)

    def _without_own(self, headers: RawHeaders) -> RawHeaders:
        names = {*self._username, *self._uid, *self._group}
        return [(k, v) for k, v in headers if k not in names and not k.startswith(self._prefixes)]


def config_map_data(client_ca: bytes, front_proxy_ca: bytes, headers: FrontProxyHeaders) -> dict[str, str]:
    """Data of the ConfigMap in kube-system that tells extension servers whom to believe. Header lists are JSON
    arrays; without a front proxy CA they are left out, and so is an empty list of uid headers."""
    data: dict[str, str] = {}
    if client_ca:
        data["client-ca-file"] = client_ca.decode()
    if front_proxy_ca:
        data["requestheader-allowed-names"] = compact_json(list(headers.allowed_names))
        data["requestheader-client-ca-file"] = front_proxy_ca.decode()
        data["requestheader-extra-headers-prefix"] = compact_json(list(headers.extra_prefix))
        data["requestheader-group-headers"] = compact_json(list(headers.group))
        if headers.uid:
            data["requestheader-uid-headers"] = compact_json(list(headers.uid))
        data["requestheader-username-headers"] = compact_json(list(headers.username))
    return data
