"""The flags of `sekisho serve` that choose what is audited and where to, with kube-apiserver's names.

The two backends share most of their flags; those of the second only differ in their defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from sekisho.api.time import format_go_duration
from sekisho.cli._types import DURATION, PATH
from sekisho.server.audit.settings import FORMATS, MODES, AuditOptions, Delivery

Option = Callable[[Any], Any]

DEFAULTS = AuditOptions()
PREFIX = "audit_"

_COUNT = click.IntRange(0)
_POSITIVE = click.IntRange(1)


def _flag(name: str, text: str, kind: Any, default: object = "") -> Option:
    """A flag that is None when it is not given. Booleans may stand without a value, as in kube-apiserver."""
    shown = {True: "true", False: "false"}.get(default, default) if isinstance(default, bool) else default
    help_text = f"{text}  [default: {shown}]" if shown != "" else text
    if kind is bool:
        return click.option(name, type=bool, is_flag=False, flag_value="true", help=help_text)
    return click.option(name, type=kind, help=help_text)


def _delivery(backend: str, chosen: Delivery) -> tuple[Option, ...]:
    """The flags of how one backend, `log` or `webhook`, gets its events."""
    batch, truncate = chosen.batch, chosen.truncate
    base = f"--audit-{backend}"
    wait = format_go_duration(batch.max_wait)
    return (
        _flag(
            f"{base}-mode",
            "batch: send beside the requests. blocking: before their answers. blocking-strict: and fail requests "
            "whose events are lost.",
            click.Choice(MODES),
            chosen.mode,
        ),
        _flag(f"{base}-batch-buffer-size", "Events that may wait to be sent.", _POSITIVE, batch.buffer_size),
        _flag(f"{base}-batch-max-size", "Events in one batch.", _POSITIVE, batch.max_size),
        _flag(f"{base}-batch-max-wait", "How long a batch waits to become full.", DURATION, wait),
        _flag(f"{base}-batch-throttle-enable", "Bound how many batches go.", bool, batch.throttle),
        _flag(
            f"{base}-batch-throttle-qps",
            "Batches in a second.",
            click.FloatRange(0, min_open=True),
            f"{batch.throttle_qps:g}",
        ),
        _flag(
            f"{base}-batch-throttle-burst",
            "Batches at once after a pause.",
            _POSITIVE,
            batch.throttle_burst,
        ),
        _flag(f"{base}-truncate-enabled", "Cut what is too large.", bool, truncate.enabled),
        _flag(
            f"{base}-truncate-max-batch-size",
            "Bytes of a batch, with truncation.",
            _POSITIVE,
            truncate.max_batch_size,
        ),
        _flag(
            f"{base}-truncate-max-event-size",
            "Bytes of an event, with truncation.",
            _POSITIVE,
            truncate.max_event_size,
        ),
    )


AUDIT: tuple[Option, ...] = (
    _flag("--audit-policy-file", "An audit.k8s.io/v1 Policy: which requests leave audit events.", PATH),
    _flag("--audit-log-path", "The file that audit events are appended to; - is standard output.", str),
    _flag(
        "--audit-log-format",
        "json, or one line of text.",
        click.Choice(FORMATS),
        DEFAULTS.log_format,
    ),
    _flag("--audit-log-maxage", "Days that old log files are kept.", _COUNT, DEFAULTS.log_rotation.age),
    _flag(
        "--audit-log-maxbackup",
        "How many old log files are kept.",
        _COUNT,
        DEFAULTS.log_rotation.backups,
    ),
    _flag(
        "--audit-log-maxsize",
        "Megabytes at which the log file is put aside.",
        _COUNT,
        DEFAULTS.log_rotation.size,
    ),
    _flag("--audit-log-compress", "Pack old log files with gzip.", bool, DEFAULTS.log_rotation.compress),
    *_delivery("log", DEFAULTS.log_delivery),
    _flag("--audit-webhook-config-file", "A kubeconfig of the server that takes audit events.", PATH),
    _flag(
        "--audit-webhook-initial-backoff",
        "How long to wait before the first retry.",
        DURATION,
        format_go_duration(DEFAULTS.webhook_initial_backoff),
    ),
    *_delivery("webhook", DEFAULTS.webhook_delivery),
)


def take(flags: dict[str, Any]) -> AuditOptions:
    """Remove the flags of this module from all flags, and make options of them."""
    names = [name for name in flags if name.startswith(PREFIX)]
    given = {name.removeprefix(PREFIX): flags.pop(name) for name in names}
    given = {name: value for name, value in given.items() if value is not None}
    rotation = _changed(
        DEFAULTS.log_rotation,
        given,
        "log_",
        age="maxage",
        backups="maxbackup",
        size="maxsize",
        compress="compress",
    )
    plain = ("policy_file", "log_path", "log_format", "webhook_config_file", "webhook_initial_backoff")
    return replace(
        DEFAULTS,
        log_rotation=rotation,
        log_delivery=_taken(DEFAULTS.log_delivery, given, "log_"),
        webhook_delivery=_taken(DEFAULTS.webhook_delivery, given, "webhook_"),
        **{name: given[name] for name in plain if name in given},
    )


def _taken(delivery: Delivery, given: dict[str, Any], prefix: str) -> Delivery:
    batch = _changed(
        delivery.batch,
        given,
        f"{prefix}batch_",
        buffer_size="buffer_size",
        max_size="max_size",
        max_wait="max_wait",
        throttle="throttle_enable",
        throttle_qps="throttle_qps",
        throttle_burst="throttle_burst",
    )
    truncate = _changed(
        delivery.truncate,
        given,
        f"{prefix}truncate_",
        enabled="enabled",
        max_batch_size="max_batch_size",
        max_event_size="max_event_size",
    )
    return Delivery(given.get(f"{prefix}mode", delivery.mode), batch, truncate)


def _changed(settings: Any, given: dict[str, Any], prefix: str, **fields: str) -> Any:
    """The settings with those fields changed whose flag, named after the prefix, was given."""
    return replace(settings, **{k: given[prefix + v] for k, v in fields.items() if prefix + v in given})
