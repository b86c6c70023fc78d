"""The choices of a Config made into parts: which store, which authenticators, which filters in which order."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from sekisho.admission import plugins
from sekisho.admission.chain import CacheLookup
from sekisho.admission.configuration import AdmissionConfigError
from sekisho.admission.interface import Plugin
from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.checkpoint import Checkpoint
from sekisho.checkpoint import check as check_checkpoint
from sekisho.config import Config, ConfigError
from sekisho.credentials import pki, pkifolder
from sekisho.credentials.certificates import KeyPair
from sekisho.credentials.tokenrequest import TokenIssuer
from sekisho.explain.passages import PassageLog
from sekisho.node.agent import NodeAgent
from sekisho.registry.client import Client
from sekisho.registry.registry import Registry
from sekisho.server import routing
from sekisho.server.app import Application, chain
from sekisho.server.audit import factory as audit_factory
from sekisho.server.audit.auditor import Auditor
from sekisho.server.audit.factory import AuditError
from sekisho.server.filters.audit import audit, audit_unknown
from sekisho.server.filters.authentication import authentication as authentication_filter
from sekisho.server.filters.authorization import authorization
from sekisho.server.filters.errors import errors
from sekisho.server.filters.impersonation import impersonation
from sekisho.server.filters.passages import passages
from sekisho.server.filters.request_info import deadline, request_info
from sekisho.server.serving import Listener
from sekisho.store.interface import Store
from sekisho.store.memory import MemoryStore
from sekisho.store.sqlite import SQLiteStore

DATABASE = "sekisho.db"


def check(config: Config) -> None:
    """Read whatever the operator pointed at, before anything is written. Raises ConfigError or PKIError."""
    try:
        plugins.check_names((*config.enable_admission_plugins, *config.disable_admission_plugins))
        plugins.check_configuration(config.admission_control_config_file)
    except (plugins.UnknownPluginError, AdmissionConfigError) as error:
        raise ConfigError(str(error))
    check_checkpoint(config)
    if config.tls_cert_file is not None:
        _serving_pair(_serving_files(config))
    if config.pki_dir is not None:
        pkifolder.check(config.pki_dir)


def bind(config: Config) -> socket.socket:
    """A listening socket, so that a port that is taken is found out before anything is written."""
    family = socket.AF_INET6 if ":" in config.bind_address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((config.bind_address, config.secure_port))
    except OSError as error:
        sock.close()
        where = f"{config.bind_address}:{config.secure_port}"
        raise ConfigError(f"cannot listen on {where}: {(error.strerror or str(error)).lower()}") from None
    sock.setblocking(False)
    return sock


def load_pki(config: Config, clock: Clock) -> pki.PKI:
    names = pki.ServingNames(
        service_ip=config.kubernetes_service_ip, bind_address=config.bind_address, extra=config.extra_names
    )
    if config.pki_dir is None:
        made = pki.create(names, clock.now())
    else:
        made = pkifolder.load_or_create(config.pki_dir, names, clock.now())
    serving = _serving_files(config)
    if config.tls_cert_file is None or not serving:
        return made
    return replace(made, apiserver=_serving_pair(serving))


def _serving_files(config: Config) -> list[Path]:
    """Certificate and key that the server shows, as far as they are on disk."""
    if config.tls_cert_file is not None and config.tls_private_key_file is not None:
        return [config.tls_cert_file, config.tls_private_key_file]
    if config.pki_dir is None:
        return []
    return [config.pki_dir / "apiserver.crt", config.pki_dir / "apiserver.key"]


def _serving_pair(files: Sequence[Path]) -> KeyPair:
    """Raises ConfigError."""
    try:
        certificate, key = (file.read_bytes() for file in files)
    except OSError as error:
        raise ConfigError(f"open {error.filename}: {(error.strerror or str(error)).lower()}")
    return KeyPair(certificate, key)


def listener(
    config: Config, checkpoint: Checkpoint, app: Application, sock: socket.socket, keys: pki.PKI
) -> Listener:
    """TLS on a socket; the serving certificate, and the authorities that clients choose by, follow their files."""
    bundles = (checkpoint.mechanisms.client_ca, checkpoint.mechanisms.front_proxy_ca)
    try:
        made = Listener(app, sock, keys.apiserver, [bundle.pem for bundle in bundles])
    except ValueError as error:
        raise ConfigError(str(error))

    def show_authorities() -> None:
        made.tls.trust([bundle.pem for bundle in bundles])

    def serve_anew() -> None:
        pair = _serving_pair(files)
        made.tls.load(pair.certificate, pair.key or b"")

    for bundle in bundles:
        bundle.changed = show_authorities
    files = _serving_files(config)
    checkpoint.watch(files, serve_anew)
    return made


def make_store(config: Config, clock: Clock) -> Store:
    if config.store == "memory" or config.data_dir is None:
        return MemoryStore(clock)
    return SQLiteStore(config.data_dir / DATABASE, clock)


def make_auditor(config: Config, clock: Clock, random: RandomSource) -> Auditor | None:
    try:
        return audit_factory.build(config.audit, clock, random)
    except AuditError as error:
        raise ConfigError(str(error))


def admission_plugins(config: Config, registry: Registry) -> Sequence[Plugin]:
    return plugins.enabled_plugins(
        registry,
        config.enable_admission_plugins,
        config.disable_admission_plugins,
        config.admission_control_config_file,
    )


class Running(Protocol):
    """The cluster that the application speaks for."""

    config: Config
    clock: Clock
    random: RandomSource
    passages: PassageLog
    auditor: Auditor | None
    pki: pki.PKI
    registry: Registry
    ready: bool


def application(cluster: Running, checkpoint: Checkpoint, address: str) -> Application:
    """`address` is the host:port that clients are told. The chain, outermost first, in upstream's order."""
    config = cluster.config
    issuer = TokenIssuer(
        key=checkpoint.token_keys.signing,
        issuer=config.service_account_issuer[0],
        audiences=config.audiences,
        lookup=CacheLookup(cluster.registry),
        clock=cluster.clock,
        random=cluster.random,
        longest=int(config.service_account_max_token_expiration),
        extend=config.service_account_extend_token_expiration,
    )
    parts = routing.Parts(
        registry=cluster.registry,
        authorizer=checkpoint.authorizer,
        gate=checkpoint.authentication.gate,
        issuer=issuer,
        keys=checkpoint.token_keys.ring,
        jwks_uri=config.service_account_jwks_uri,
        status=cluster,
        address=address,
        passages=cluster.passages,
        policy=checkpoint.index if "RBAC" in checkpoint.modes else None,
    )
    routes = routing.routes(parts)
    auditor = cluster.auditor
    filters = [
        errors(cluster.clock, cluster.random),
        passages(cluster.passages, cluster.clock),
        request_info(),
        *([audit_unknown(auditor)] if auditor is not None else []),
        deadline(),
        authentication_filter(checkpoint.authentication.gate),
        *([audit(auditor)] if auditor is not None else []),
        impersonation(checkpoint.authorizer),
        authorization(checkpoint.authorizer),
    ]
    application = Application(chain(filters, routes.handle))
    application.refused = checkpoint.revocations.refuses
    checkpoint.revocations.end_streams = application.end_refused_streams
    return application


def make_node(config: Config, client: Client, clock: Clock) -> NodeAgent | None:
    if config.node != "simulated":
        return None
    return NodeAgent(client, clock)
