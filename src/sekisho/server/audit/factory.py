"""The choices of an operator made into an auditor."""

from __future__ import annotations

import logging

from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.credentials.outgoing import OutgoingError, target_of
from sekisho.server.audit.auditor import Auditor
from sekisho.server.audit.backend import Backend, Forgiving, Union
from sekisho.server.audit.batching import Batching
from sekisho.server.audit.formats import json_line, legacy_line
from sekisho.server.audit.logfile import LogFile, StandardOutput
from sekisho.server.audit.policyfile import PolicyError, load
from sekisho.server.audit.settings import BATCH, BLOCKING, STDOUT, AuditOptions, Delivery
from sekisho.server.audit.truncating import Truncating
from sekisho.server.audit.webhook import TIMEOUT, Webhook

logger = logging.getLogger("sekisho.audit")

LINES = {"json": json_line, "legacy": legacy_line}


class AuditError(ValueError):
    """Choices that cannot be carried out; the text is for the operator."""


def build(options: AuditOptions, clock: Clock, random: RandomSource) -> Auditor | None:
    """None when nothing is to be recorded. Raises AuditError."""
    if options.policy_file is None:
        for given, backend in ((options.log_path, "log"), (options.webhook_config_file, "webhook")):
            if given:
                logger.warning(
                    "no audit policy file was given: the %s backend will not record events", backend
                )
        return None
    try:
        policy = load(options.policy_file)
    except PolicyError as error:
        raise AuditError(f"loading audit policy file: {error}")
    backends = [*_log(options, clock), *_webhook(options, clock, random)]
    if not backends:
        logger.warning("an audit policy was given, but neither a log nor a webhook to record events with")
        return None
    return Auditor(policy, Union(backends) if len(backends) > 1 else backends[0], clock)


def _log(options: AuditOptions, clock: Clock) -> list[Backend]:
    if not options.log_path:
        return []
    form = LINES[options.log_format]
    if options.log_path == STDOUT:
        return [_delivered(StandardOutput(form), options.log_delivery, clock)]
    try:
        file = LogFile(options.log_path, options.log_rotation, form, clock)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AuditError(f"--audit-log-path {options.log_path}: {reason}")
    return [_delivered(file, options.log_delivery, clock)]


def _webhook(options: AuditOptions, clock: Clock, random: RandomSource) -> list[Backend]:
    if options.webhook_config_file is None:
        return []
    try:
        target = target_of(options.webhook_config_file, TIMEOUT)
    except OutgoingError as error:
        raise AuditError(f"initializing audit webhook: {error}")
    made = Webhook(target, clock, random, options.webhook_initial_backoff)
    return [_delivered(made, options.webhook_delivery, clock)]


def _delivered(backend: Backend, delivery: Delivery, clock: Clock) -> Backend:
    if delivery.mode == BATCH:
        backend = Batching(backend, delivery.batch, clock)
    elif delivery.mode == BLOCKING:
        backend = Forgiving(backend)
    return Truncating(backend, delivery.truncate) if delivery.truncate.enabled else backend
