"""How a pod resolves names: its resolver, the aliases in its hosts file, its own name."""

from __future__ import annotations

from sekisho.api import names
from sekisho.api.addresses import ip
from sekisho.api.field import ErrorList, Path, forbidden, invalid, required, too_long
from sekisho.api.types import Object
from sekisho.schema.validation.common import problems, subdomain_errors

_MOST_SERVERS = 3
_MOST_SEARCHES = 32
_MOST_SEARCH_CHARACTERS = 2048
_LONGEST_HOSTNAME = 64


def validate_dns_config(config: Object | None, policy: str, path: Path) -> ErrorList:
    if policy == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(path.child("nameservers"), detail)]
    if config is None:
        return []
    errors = _validate_servers(config.get("nameservers") or [], path.child("nameservers"))
    errors += _validate_searches(config.get("searches") or [], path.child("searches"))
    for i, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(required(path.child("options").index(i), "must not be empty"))
    return errors


def _validate_servers(servers: list[str], path: Path) -> ErrorList:
    errors: ErrorList = []
    if len(servers) > _MOST_SERVERS:
        errors.append(invalid(path, servers, f"must not have more than {_MOST_SERVERS} nameservers"))
    for i, server in enumerate(servers):
        errors += problems(path.index(i), server, ip(server))
    return errors


def _validate_searches(searches: list[str], path: Path) -> ErrorList:
    errors: ErrorList = []
    if len(searches) > _MOST_SEARCHES:
        errors.append(invalid(path, searches, f"must not have more than {_MOST_SEARCHES} search paths"))
    if len(" ".join(searches).encode()) > _MOST_SEARCH_CHARACTERS:
        most = f"must not have more than {_MOST_SEARCH_CHARACTERS} characters"
        errors.append(invalid(path, searches, f"{most} (including spaces) in the search list"))
    for i, search in enumerate(searches):
        if search != ".":
            domain = search.removesuffix(".")
            errors += problems(path.index(i), domain, names.dns1123_subdomain_with_underscore(domain))
    return errors


def validate_host_aliases(aliases: list[Object], path: Path) -> ErrorList:
    errors: ErrorList = []
    for i, alias in enumerate(aliases):
        address = alias.get("ip", "")
        errors += problems(path.index(i).child("ip"), address, ip(address))
        for j, name in enumerate(alias.get("hostnames") or ()):
            errors += subdomain_errors(path.index(i).child("hostnames").index(j), name)
    return errors


def validate_hostname_override(spec: Object, path: Path) -> ErrorList:
    """A host name that is none of Kubernetes' making (KEP-4762)."""
    name = spec.get("hostnameOverride")
    if name is None:
        return []
    at = path.child("hostnameOverride")
    errors: ErrorList = []
    if spec.get("setHostnameAsFQDN"):
        errors.append(forbidden(at, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        errors.append(forbidden(at, "may not be specified when hostNetwork is true"))
    if len(name.encode()) > _LONGEST_HOSTNAME:
        errors.append(too_long(at, _LONGEST_HOSTNAME))
    return errors + subdomain_errors(at, name)
