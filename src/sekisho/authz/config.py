"""AuthorizationConfiguration: reading the file, or making the same of flags, and all its complaints.

Follows upstream's pkg/kubeapiserver/authorizer and k8s.io/apiserver/pkg/apis/apiserver/validation; order,
paths and words of errors are theirs. Nothing here opens what the configuration refers to except to see
that kubeconfig files are there.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sekisho.api import names
from sekisho.api.field import ErrorList, invalid, not_supported, required, too_many
from sekisho.api.field import Path as FieldPath
from sekisho.api.field import duplicate as duplicate_error
from sekisho.api.goformat import aggregate, quote_list
from sekisho.api.time import format_go_duration, parse_go_duration
from sekisho.schema.body import parse_yaml
from sekisho.schema.jsonbody import BodyError

GROUP = "apiserver.config.k8s.io"
VERSIONS = ("v1", "v1beta1", "v1alpha1")
KIND = "AuthorizationConfiguration"
TYPES = ("ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook")
WEBHOOK = "Webhook"
MODES = ("AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node")
MAX_CONDITIONS = 64
MAX_TIMEOUT = 30.0

Compiler = Callable[[str], None]
"""Compiles a match condition; raises ValueError with the text that follows the expression."""


class ConfigurationError(ValueError):
    """The configuration cannot be used; the text stops the server, or keeps the old one at a reload."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Durations are seconds; None stands for a field that is not there."""

    timeout: float | None = None
    authorized_ttl: float = 300.0
    cache_authorized: bool = True
    unauthorized_ttl: float = 30.0
    cache_unauthorized: bool = True
    version: str = ""
    condition_version: str = ""
    failure_policy: str = ""
    connection_type: str = ""
    kubeconfig: str | None = None
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorizerConfiguration:
    type: str = ""
    name: str = ""
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True)
class Flags:
    """The command line's part, with kube-apiserver's names and defaults. `modes` None is "not given"."""

    modes: tuple[str, ...] | None = None
    config_file: Path | None = None
    policy_file: Path | None = None
    webhook_config_file: Path | None = None
    webhook_version: str = "v1beta1"
    webhook_authorized_ttl: float = 300.0
    webhook_unauthorized_ttl: float = 30.0
    webhook_flags_given: bool = False
    """Whether any --authorization-webhook-* flag was on the command line."""


def flag_errors(flags: Flags) -> list[str]:
    """What is wrong with the flags, in upstream's order and words."""
    if flags.config_file is not None:
        if flags.modes is not None or flags.webhook_flags_given:
            return [
                "--authorization-config can not be specified when --authorization-mode or "
                "--authorization-webhook-* flags are defined"
            ]
        return []
    modes = flags.modes or ()
    errors = []
    for mode in modes:
        if mode not in MODES:
            errors.append(f'authorization-mode "{mode}" is not a valid mode')
        if mode == "ABAC" and flags.policy_file is None:
            errors.append("authorization-mode ABAC's authorization policy file not passed")
        if mode == WEBHOOK and flags.webhook_config_file is None:
            errors.append("authorization-mode Webhook's authorization config file not passed")
    if flags.policy_file is not None and "ABAC" not in modes:
        errors.append("cannot specify --authorization-policy-file without mode ABAC")
    if flags.webhook_config_file is not None and WEBHOOK not in modes:
        errors.append("cannot specify --authorization-webhook-config-file without mode Webhook")
    if len(set(modes)) != len(modes):
        errors.append(f"authorization-mode {quote_list(modes)} has mode specified more than once")
    return errors


def from_flags(flags: Flags) -> tuple[AuthorizerConfiguration, ...]:
    """The configuration that flags stand for; without modes everything is allowed."""
    webhook = Webhook(
        timeout=MAX_TIMEOUT,
        authorized_ttl=flags.webhook_authorized_ttl,
        unauthorized_ttl=flags.webhook_unauthorized_ttl,
        version=flags.webhook_version,
        failure_policy="NoOpinion",
        connection_type="KubeConfigFile",
        kubeconfig=str(flags.webhook_config_file or ""),
    )
    return tuple(
        AuthorizerConfiguration(WEBHOOK, "default", webhook)
        if mode == WEBHOOK
        else AuthorizerConfiguration(mode, mode.lower())
        for mode in flags.modes or ("AlwaysAllow",)
    )


def load(path: Path, compile_condition: Compiler | None = None) -> tuple[AuthorizerConfiguration, ...]:
    """Read and validate a configuration file. Raises ConfigurationError with everything that is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"failed to load AuthorizationConfiguration from file: open {path}: {why}")
    try:
        configuration = parse(data)
    except ConfigurationError as error:
        raise ConfigurationError(f"failed to load AuthorizationConfiguration from file: {error}")
    errors = [str(error) for error in validate(configuration, compile_condition)]
    if not errors:
        errors = name_errors(configuration)
    if errors:
        raise ConfigurationError(aggregate(errors))
    return configuration


def name_errors(configuration: Iterable[AuthorizerConfiguration]) -> list[str]:
    """Types other than webhooks are called by their own name."""
    return [
        f"expected name {a.type.lower()} for authorizer {a.type} instead of {a.name}"
        for a in configuration
        if a.type != WEBHOOK and a.name != a.type.lower()
    ]


def reload_error(new: Sequence[AuthorizerConfiguration], start: Sequence[AuthorizerConfiguration]) -> str:
    """Why a changed file may not replace the configuration of the start; empty when it may."""
    had = [a.type for a in start if a.type != WEBHOOK]
    has = [a.type for a in new if a.type != WEBHOOK]
    missing = sorted(set(had) - set(has))
    if missing:
        return f"missing required types: [{' '.join(missing)}]"
    for kind in has:
        if kind not in had:
            return f"authorizer type {kind} is not allowed if it was not enabled at initial server startup"
    return ""


# Reading


_AUTHORIZER_FIELDS = ("type", "name", "webhook")
_WEBHOOK_FIELDS = (
    "timeout",
    "authorizedTTL",
    "cacheAuthorizedRequests",
    "unauthorizedTTL",
    "cacheUnauthorizedRequests",
    "subjectAccessReviewVersion",
    "matchConditionSubjectAccessReviewVersion",
    "failurePolicy",
    "connectionInfo",
    "matchConditions",
)
_CONNECTION_FIELDS = ("type", "kubeConfigFile")
_CONDITION_FIELDS = ("expression",)


@dataclass(slots=True)
class _Reader:
    """Takes a decoded document apart and collects what strict decoding does not allow."""

    problems: list[str] = field(default_factory=list)

    def object(self, value: Any, path: str, known: Iterable[str]) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise ConfigurationError(f"json: cannot unmarshal into Go struct field {path}")
        for key in value:
            if key not in known:
                self.problems.append(f'unknown field "{path}.{key}"' if path else f'unknown field "{key}"')
        return value

    def list(self, value: Any, path: str) -> Sequence[Any]:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise ConfigurationError(f"json: cannot unmarshal into Go struct field {path}")
        return value


def parse(data: bytes) -> tuple[AuthorizerConfiguration, ...]:
    """Decode strictly: unknown and repeated fields are errors. Raises ConfigurationError."""
    try:
        value, problems = parse_yaml(data)
    except BodyError as error:
        raise ConfigurationError(str(error))
    if not isinstance(value, dict):
        raise ConfigurationError(
            "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value"
        )
    _check_kind(value)
    reader = _Reader(list(problems))
    top = reader.object(value, "", ("apiVersion", "kind", "authorizers"))
    authorizers = tuple(
        _authorizer(reader, item, f"authorizers[{i}]")
        for i, item in enumerate(reader.list(top.get("authorizers"), "authorizers"))
    )
    if reader.problems:
        raise ConfigurationError("strict decoding error: " + ", ".join(reader.problems))
    return authorizers


def _check_kind(value: Mapping[str, Any]) -> None:
    api_version, kind = value.get("apiVersion") or "", value.get("kind") or ""
    if not kind:
        raise ConfigurationError("Object 'Kind' is missing")
    group, _, version = str(api_version).rpartition("/")
    if group != GROUP or version not in VERSIONS or kind != KIND:
        raise ConfigurationError(f'no kind "{kind}" is registered for version "{api_version}"')


def _authorizer(reader: _Reader, item: Any, path: str) -> AuthorizerConfiguration:
    entry = reader.object(item, path, _AUTHORIZER_FIELDS)
    webhook = entry.get("webhook")
    return AuthorizerConfiguration(
        _text(entry, "type", path),
        _text(entry, "name", path),
        None if webhook is None else _webhook(reader, webhook, f"{path}.webhook"),
    )


def _webhook(reader: _Reader, item: Any, path: str) -> Webhook:
    entry = reader.object(item, path, _WEBHOOK_FIELDS)
    connection = reader.object(entry.get("connectionInfo"), f"{path}.connectionInfo", _CONNECTION_FIELDS)
    conditions = tuple(
        _text(reader.object(c, f"{path}.matchConditions[{i}]", _CONDITION_FIELDS), "expression", path)
        for i, c in enumerate(reader.list(entry.get("matchConditions"), f"{path}.matchConditions"))
    )
    return Webhook(
        timeout=_duration(entry, "timeout", None),
        authorized_ttl=_duration(entry, "authorizedTTL", 300.0) or 0.0,
        cache_authorized=entry.get("cacheAuthorizedRequests") is not False,
        unauthorized_ttl=_duration(entry, "unauthorizedTTL", 30.0) or 0.0,
        cache_unauthorized=entry.get("cacheUnauthorizedRequests") is not False,
        version=_text(entry, "subjectAccessReviewVersion", path),
        condition_version=_text(entry, "matchConditionSubjectAccessReviewVersion", path),
        failure_policy=_text(entry, "failurePolicy", path),
        connection_type=_text(connection, "type", path),
        kubeconfig=connection.get("kubeConfigFile"),
        conditions=conditions,
    )


def _text(entry: Mapping[str, Any], key: str, path: str) -> str:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"json: cannot unmarshal into Go struct field {path}.{key} of type string")
    return value or ""


def _duration(entry: Mapping[str, Any], key: str, default: float | None) -> float | None:
    """A zero duration counts as one that is not there."""
    value = entry.get(key)
    if value is None:
        return default
    try:
        return parse_go_duration(str(value)) or default
    except ValueError as error:
        raise ConfigurationError(str(error))


# Validation


def validate(
    configuration: Sequence[AuthorizerConfiguration], compile_condition: Compiler | None = None
) -> ErrorList:
    """Field errors in upstream's order. Webhook fields are reported right below `authorizers[i]`."""
    path = FieldPath("authorizers")
    if not configuration:
        return [required(path, "at least one authorization mode must be defined")]
    errors: ErrorList = []
    types: set[str] = set()
    seen: set[str] = set()
    for i, entry in enumerate(configuration):
        here = path.index(i)
        problem = _type_errors(entry.type, here.child("type"), types)
        errors += problem
        if problem:
            continue
        types.add(entry.type)
        errors += _name_errors(entry.name, here.child("name"), seen)
        seen.add(entry.name)
        errors += _webhook_errors(entry, here, compile_condition)
    return errors


def _type_errors(kind: str, path: FieldPath, seen: set[str]) -> ErrorList:
    if not kind:
        return [required(path)]
    if kind not in TYPES:
        return [not_supported(path, kind, TYPES)]
    return [duplicate_error(path, kind)] if kind in seen and kind != WEBHOOK else []


def _name_errors(name: str, path: FieldPath, seen: set[str]) -> ErrorList:
    if not name:
        return [required(path)]
    if name in seen:
        return [duplicate_error(path, name)]
    messages = names.dns1123_subdomain(name)
    return [invalid(path, name, f"authorizer name is invalid: {', '.join(messages)}")] if messages else []


def _webhook_errors(
    entry: AuthorizerConfiguration, path: FieldPath, compile_condition: Compiler | None
) -> ErrorList:
    webhook = entry.webhook
    if entry.type != WEBHOOK:
        if webhook is None:
            return []
        return [invalid(path.child("webhook"), "non-null", "may only be specified when type=Webhook")]
    if webhook is None:
        return [required(path.child("webhook"), "required when type=Webhook")]
    return [
        *_timeout_errors(webhook.timeout, path.child("timeout")),
        *_ttl_errors(webhook.authorized_ttl, path.child("authorizedTTL")),
        *_ttl_errors(webhook.unauthorized_ttl, path.child("unauthorizedTTL")),
        *_choice(webhook.version, path.child("subjectAccessReviewVersion"), ("v1", "v1beta1")),
        *_condition_version_errors(webhook, path.child("matchConditionSubjectAccessReviewVersion")),
        *_choice(webhook.failure_policy, path.child("failurePolicy"), ("NoOpinion", "Deny")),
        *_connection_errors(webhook, path.child("connectionInfo")),
        *_condition_errors(webhook.conditions, path.child("matchConditions"), compile_condition),
    ]


def _timeout_errors(timeout: float | None, path: FieldPath) -> ErrorList:
    if not timeout:
        return [required(path)]
    if 0 < timeout <= MAX_TIMEOUT:
        return []
    return [invalid(path, format_go_duration(timeout), "must be > 0s and <= 30s")]


def _ttl_errors(ttl: float, path: FieldPath) -> ErrorList:
    if ttl == 0:
        return [required(path)]
    return [] if ttl > 0 else [invalid(path, format_go_duration(ttl), "must be > 0s")]


def _choice(value: str, path: FieldPath, supported: tuple[str, ...]) -> ErrorList:
    if not value:
        return [required(path)]
    return [] if value in supported else [not_supported(path, value, supported)]


def _condition_version_errors(webhook: Webhook, path: FieldPath) -> ErrorList:
    if not webhook.condition_version:
        detail = "required if match conditions are specified"
        return [required(path, detail)] if webhook.conditions else []
    return _choice(webhook.condition_version, path, ("v1",))


def _connection_errors(webhook: Webhook, path: FieldPath) -> ErrorList:
    kind, file = webhook.connection_type, webhook.kubeconfig
    here = path.child("kubeConfigFile")
    if kind == "InClusterConfig":
        return [invalid(here, file, "can only be set when type=KubeConfigFile")] if file is not None else []
    if kind != "KubeConfigFile":
        return _choice(kind, path.child("type"), ("InClusterConfig", "KubeConfigFile"))
    if not file:
        return [required(here)]
    if not Path(file).is_absolute():
        return [invalid(here, file, "must be an absolute path")]
    try:
        mode = Path(file).stat().st_mode
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return [invalid(here, file, f"error loading file: stat {file}: {why}")]
    return [] if stat.S_ISREG(mode) else [invalid(here, file, "must be a regular file")]


def _condition_errors(
    conditions: Sequence[str], path: FieldPath, compile_condition: Compiler | None
) -> ErrorList:
    if len(conditions) > MAX_CONDITIONS:
        return [too_many(path, len(conditions), MAX_CONDITIONS)]
    errors: ErrorList = []
    seen: set[str] = set()
    for i, expression in enumerate(conditions):
        here = path.index(i).child("expression")
        if not expression.strip():
            errors.append(required(here))
            continue
        if expression in seen:
            errors.append(duplicate_error(here, expression))
            continue
        seen.add(expression)
        if compile_condition is not None:
            try:
                compile_condition(expression)
            except ValueError as error:
                errors.append(invalid(here, expression, str(error)))
    return errors


def without_caching(webhook: Webhook) -> Webhook:
    """The webhook with a TTL of 0 where caching was turned off."""
    return replace(
        webhook,
        authorized_ttl=webhook.authorized_ttl if webhook.cache_authorized else 0.0,
        unauthorized_ttl=webhook.unauthorized_ttl if webhook.cache_unauthorized else 0.0,
    )
