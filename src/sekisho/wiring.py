"""The choices of a Config made into parts: which store, which authenticators, which filters in which order."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol

from sekisho.admission import plugins
from sekisho.admission.chain import CacheLookup
from sekisho.admission.interface import Plugin
from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.authn.tokenfile import TokenFile, TokenFileError
from sekisho.checkpoint import Checkpoint, verification_keys
from sekisho.config import Config, ConfigError
from sekisho.credentials import pki, pkifolder
from sekisho.credentials.keys import SigningKey
from sekisho.credentials.tokenrequest import TokenIssuer
from sekisho.explain.passages import PassageLog
from sekisho.node.agent import NodeAgent
from sekisho.registry.client import Client
from sekisho.registry.registry import Registry
from sekisho.server import routing
from sekisho.server.app import Application, chain
from sekisho.server.filters.authentication import authentication as authentication_filter
from sekisho.server.filters.authorization import authorization
from sekisho.server.filters.errors import errors
from sekisho.server.filters.impersonation import impersonation
from sekisho.server.filters.passages import passages
from sekisho.server.filters.request_info import deadline, request_info
from sekisho.store.interface import Store
from sekisho.store.memory import MemoryStore
from sekisho.store.sqlite import SQLiteStore

DATABASE = "sekisho.db"


def check(config: Config) -> None:
    """Read whatever the operator pointed at, before anything is written. Raises ConfigError or PKIError."""
    try:
        if config.token_auth_file is not None:
            TokenFile.load(config.token_auth_file)
        plugins.check_names((*config.enable_admission_plugins, *config.disable_admission_plugins))
    except (TokenFileError, plugins.UnknownPluginError) as error:
        raise ConfigError(str(error))
    verification_keys(config)
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
        return pki.create(names, clock.now())
    return pkifolder.load_or_create(config.pki_dir, names, clock.now())


def make_store(config: Config, clock: Clock) -> Store:
    if config.store == "memory" or config.data_dir is None:
        return MemoryStore(clock)
    return SQLiteStore(config.data_dir / DATABASE, clock)


def admission_plugins(config: Config, registry: Registry) -> Sequence[Plugin]:
    return plugins.enabled_plugins(
        registry, config.enable_admission_plugins, config.disable_admission_plugins
    )


class Running(Protocol):
    """The cluster that the application speaks for."""

    config: Config
    clock: Clock
    random: RandomSource
    passages: PassageLog
    pki: pki.PKI
    registry: Registry
    ready: bool


def application(cluster: Running, checkpoint: Checkpoint, address: str) -> Application:
    """`address` is the host:port that clients are told. The chain, outermost first, in upstream's order."""
    issuer = TokenIssuer(
        key=SigningKey.from_pem(cluster.pki.sa_key),
        issuer=cluster.config.service_account_issuer[0],
        audiences=cluster.config.audiences,
        lookup=CacheLookup(cluster.registry),
        clock=cluster.clock,
        random=cluster.random,
    )
    parts = routing.Parts(
        registry=cluster.registry,
        authorizer=checkpoint.authorizer,
        gate=checkpoint.authentication.gate,
        issuer=issuer,
        keys=checkpoint.keys.all(),
        status=cluster,
        address=address,
        passages=cluster.passages,
        policy=checkpoint.index if "RBAC" in cluster.config.authorization_mode else None,
    )
    routes = routing.routes(parts)
    filters = [
        errors(cluster.clock, cluster.random),
        passages(cluster.passages, cluster.clock),
        request_info(),
        deadline(),
        authentication_filter(checkpoint.authentication.gate),
        impersonation(checkpoint.authorizer),
        authorization(checkpoint.authorizer),
    ]
    return Application(chain(filters, routes.handle))


def make_node(config: Config, client: Client, clock: Clock) -> NodeAgent | None:
    if config.node != "simulated":
        return None
    return NodeAgent(client, clock)
