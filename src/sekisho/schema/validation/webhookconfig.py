"""Validation of webhook configurations, as upstream's pkg/apis/admissionregistration/validation."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, duplicate, invalid, not_supported, required
from sekisho.api.goformat import quote
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.types import Object
from sekisho.schema.validation.admissionrules import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    REINVOCATION_POLICIES,
    match_condition_errors,
    one_word,
    rule_errors,
)

_NO_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_SIDE_EFFECTS = ("None", "NoneOnDryRun", "Some", "Unknown")
_REVIEWS = ("v1", "v1beta1")
_FORM = "; desired format: https://host[/path]"


def validate_webhooks(configuration: Object, old: Object | None = None) -> ErrorList:
    """What an old configuration did wrong before it was refused, an update may go on with."""
    webhooks: list[Object] = configuration.get("webhooks") or []
    before: list[Object] = (old or {}).get("webhooks") or []
    strict = all(webhook.get("sideEffects") in _NO_SIDE_EFFECTS for webhook in before)
    recognised = all(
        set(_REVIEWS) & set(webhook["admissionReviewVersions"])
        for webhook in before
        if webhook.get("admissionReviewVersions")
    )
    old_names = [webhook.get("name") for webhook in before]
    unique = len(set(old_names)) == len(old_names)
    tolerant = any(
        validate_label_selector(webhook.get(field), Path())
        for webhook in before
        for field in ("namespaceSelector", "objectSelector")
    )
    errors: ErrorList = []
    seen: set[str] = set()
    for i, webhook in enumerate(webhooks):
        path, name = Path("webhooks").index(i), webhook.get("name", "")
        errors += _webhook_errors(webhook, path, strict, tolerant)
        versions = webhook.get("admissionReviewVersions") or []
        errors += _review_errors(versions, path.child("admissionReviewVersions"), recognised)
        if unique and name and name in seen:
            errors.append(duplicate(path.child("name"), name))
        seen.add(name)
    return errors


def _webhook_errors(webhook: Object, path: Path, strict: bool, tolerant: bool) -> ErrorList:
    errors = names.fully_qualified_name_errors(path.child("name"), webhook.get("name", ""))
    for i, rule in enumerate(webhook.get("rules") or ()):
        errors += rule_errors(rule, path.child("rules").index(i))
    errors += one_word(webhook.get("failurePolicy"), path.child("failurePolicy"), FAILURE_POLICIES)
    errors += one_word(webhook.get("matchPolicy"), path.child("matchPolicy"), MATCH_POLICIES)
    effects, allowed = webhook.get("sideEffects"), _NO_SIDE_EFFECTS if strict else _SIDE_EFFECTS
    at = path.child("sideEffects")
    if effects is None:
        errors.append(required(at, f"must specify one of {', '.join(allowed)}"))
    elif effects not in allowed:
        errors.append(not_supported(at, effects, allowed))
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(path.child("timeoutSeconds"), seconds, detail))
    for field in ("namespaceSelector", "objectSelector"):
        errors += validate_label_selector(webhook.get(field), path.child(field), tolerant)
    policy = webhook.get("reinvocationPolicy")
    errors += one_word(policy, path.child("reinvocationPolicy"), REINVOCATION_POLICIES)
    errors += _client_errors(webhook.get("clientConfig") or {}, path.child("clientConfig"))
    return errors + match_condition_errors(
        webhook.get("matchConditions") or [], path.child("matchConditions")
    )


def _review_errors(versions: list[str], path: Path, recognised: bool) -> ErrorList:
    if not versions:
        return [required(path, f"must specify one of {', '.join(_REVIEWS)}")]
    errors: ErrorList = []
    for i, version in enumerate(versions):
        if version in versions[:i]:
            errors.append(invalid(path.index(i), version, "duplicate version"))
        else:
            errors += [invalid(path.index(i), version, m) for m in names.dns1035_label(version)]
    if recognised and not set(_REVIEWS) & set(versions):
        errors.append(invalid(path, versions, f"must include at least one of {', '.join(_REVIEWS)}"))
    return errors


def _client_errors(client: Object, path: Path) -> ErrorList:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if service is not None:
        return webhook_service_errors(service, path.child("service"))
    return webhook_url_errors(url or "", path.child("url"))


def webhook_url_errors(url: str, path: Path) -> ErrorList:
    try:
        parts = _split(url)
    except ValueError as error:
        return [required(path, f"url must be a valid URL: parse {quote(url)}: {error}{_FORM}")]
    errors: ErrorList = []
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme != "https":
        errors.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not host:
        errors.append(invalid(path, host, f"host must be specified{_FORM}"))
    if at:
        errors.append(invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def _split(url: str) -> SplitResult:
    """As Go's url.Parse. Raises ValueError with Go's text."""
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in url):
        raise ValueError("net/url: invalid control character in URL")
    if url.startswith(":"):
        raise ValueError("missing protocol scheme")
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("missing ']' in host") from None


def webhook_service_errors(service: Object, path: Path) -> ErrorList:
    """Upstream hands name and namespace to its check the wrong way round: each is reported as the other."""
    errors: ErrorList = []
    if not service.get("namespace"):
        errors.append(required(path.child("name")))
    if not service.get("name"):
        errors.append(required(path.child("namespace")))
    port = service.get("port") or 0
    messages = names.port_number(port)
    if messages:
        errors.append(invalid(path.child("port"), port, "port is not valid: " + ", ".join(messages)))
    return errors + _path_errors(service.get("path") or "/", path.child("path"))


def _path_errors(text: str, path: Path) -> ErrorList:
    if text == "/":
        return []
    if text == "//":
        return [invalid(path, text, "segment[0] may not be empty")]
    errors: ErrorList = [] if text.startswith("/") else [invalid(path, text, "must start with a '/'")]
    for i, step in enumerate(text[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(invalid(path, text, f"segment[{i}] may not be empty"))
        errors += [invalid(path, text, f"segment[{i}]: {m}") for m in names.dns1123_subdomain(step) if step]
    return errors
