"""What an operator chooses about auditing, with kube-apiserver's names and defaults. Only data: see `factory`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

BATCH, BLOCKING, BLOCKING_STRICT = "batch", "blocking", "blocking-strict"
MODES = (BATCH, BLOCKING, BLOCKING_STRICT)
"""Sent beside the requests; before their answers; before their answers, which fail when the event is lost."""
FORMATS = ("json", "legacy")
STDOUT = "-"
DEFAULT_SIZE = 100


@dataclass(frozen=True, slots=True)
class Rotation:
    """`size` in megabytes; `age` in days and `backups`, the number of old files, where 0 is no limit."""

    size: int = DEFAULT_SIZE
    age: int = 366
    backups: int = 100
    compress: bool = False


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Sizes in events, waits in seconds; the throttle counts batches."""

    buffer_size: int = 10_000
    max_size: int = 400
    max_wait: float = 30.0
    throttle: bool = True
    throttle_qps: float = 10.0
    throttle_burst: int = 15


@dataclass(frozen=True, slots=True)
class TruncateOptions:
    """In bytes of JSON."""

    enabled: bool = False
    max_batch_size: int = 10 * 1024 * 1024
    max_event_size: int = 100 * 1024


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one backend gets its events."""

    mode: str
    batch: BatchOptions = field(default_factory=BatchOptions)
    truncate: TruncateOptions = field(default_factory=TruncateOptions)


LOG_DELIVERY = Delivery(BLOCKING, BatchOptions(max_size=1, max_wait=0.0, throttle=False))
WEBHOOK_DELIVERY = Delivery(BATCH)


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Nothing is recorded without a policy file. `log_path` may be `-`; the backoff is in seconds."""

    policy_file: Path | None = None
    log_path: str = ""
    log_format: str = "json"
    log_rotation: Rotation = field(default_factory=Rotation)
    log_delivery: Delivery = LOG_DELIVERY
    webhook_config_file: Path | None = None
    webhook_initial_backoff: float = 10.0
    webhook_delivery: Delivery = WEBHOOK_DELIVERY
