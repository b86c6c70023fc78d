"""Starts the controllers, each with its own account, and keeps them running."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sekisho.api.clock import Clock
from sekisho.api.random import RandomSource
from sekisho.api.status import StatusError
from sekisho.api.types import service_account_user
from sekisho.controllers import legacytokencleaner
from sekisho.controllers.apiservices import APIServices
from sekisho.controllers.bootstrapsigner import BootstrapSigner
from sekisho.controllers.clusterroleaggregation import ClusterRoleAggregation
from sekisho.controllers.controller import MANAGER, Controller
from sekisho.controllers.csr import CSRApprover, CSRCleaner, CSRSigner
from sekisho.controllers.flowcontrol import FlowSchemaConditions
from sekisho.controllers.garbagecollector import GarbageCollector
from sekisho.controllers.informers import SharedInformers
from sekisho.controllers.legacytokencleaner import LegacyTokenCleaner
from sekisho.controllers.legacytokentracking import LegacyTokenTracking
from sekisho.controllers.namespace import NamespaceController
from sekisho.controllers.nodetaints import NodeTaints
from sekisho.controllers.resourcequota import ResourceQuotas
from sekisho.controllers.rootca import RootCAPublisher
from sekisho.controllers.serviceaccount import ServiceAccountController
from sekisho.controllers.servicecidrs import ServiceCIDRs
from sekisho.controllers.storageprotection import (
    AttributesClassProtection,
    ClaimProtection,
    VolumeProtection,
)
from sekisho.controllers.tokencleaner import TokenCleaner
from sekisho.controllers.tokens import TokensController
from sekisho.controllers.workloads import WORKLOADS
from sekisho.credentials.certificates import Authority
from sekisho.credentials.keys import SigningKey
from sekisho.registry.client import Client

logger = logging.getLogger("sekisho.controllers")

SIGNING_DURATION = 365 * 24 * 3600.0
RESTART_DELAY = 1.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What controllers issue credentials with."""

    authority: Authority
    account_key: SigningKey
    root_ca: str
    automatic_tokens: bool
    signing_duration: float = SIGNING_DURATION
    bootstrap_tokens: bool = False
    legacy_token_period: float = legacytokencleaner.PERIOD


Factory = Callable[[Client], Controller]


def factories(credentials: Credentials, clock: Clock, random: RandomSource) -> Sequence[Factory]:
    """One line a controller. Each is given a client that speaks with its own account."""
    return (
        lambda c: ServiceAccountController(_as(c, ServiceAccountController), clock),
        lambda c: TokensController(
            c, clock, random, credentials.account_key, credentials.root_ca, credentials.automatic_tokens
        ),
        lambda c: RootCAPublisher(_as(c, RootCAPublisher), clock, credentials.root_ca),
        lambda c: NamespaceController(_as(c, NamespaceController), clock),
        lambda c: CSRApprover(_as(c, CSRApprover), clock),
        lambda c: CSRSigner(_as(c, CSRSigner), clock, credentials.authority, credentials.signing_duration),
        lambda c: CSRCleaner(_as(c, CSRCleaner), clock),
        lambda c: GarbageCollector(_as(c, GarbageCollector), clock),
        lambda c: LegacyTokenTracking(c, clock),
        *_token_controllers(credentials, clock),
        lambda c: APIServices(c, clock),
        lambda c: FlowSchemaConditions(c, clock),
        lambda c: NodeTaints(_as(c, NodeTaints), clock),
        lambda c: ResourceQuotas(_as(c, ResourceQuotas), clock),
        lambda c: ClaimProtection(_as(c, ClaimProtection), clock),
        lambda c: VolumeProtection(_as(c, VolumeProtection), clock),
        lambda c: AttributesClassProtection(_as(c, AttributesClassProtection), clock),
        lambda c: ClusterRoleAggregation(_as(c, ClusterRoleAggregation), clock),
        *(_plain(controller, clock) for controller in WORKLOADS),
        lambda c: ServiceCIDRs(_as(c, ServiceCIDRs), clock),
    )


def _token_controllers(credentials: Credentials, clock: Clock) -> Iterator[Factory]:
    """Bootstrap tokens where they are accepted; the cleaner where token Secrets are not made automatically."""
    if credentials.bootstrap_tokens:
        yield _plain(BootstrapSigner, clock)
        yield _plain(TokenCleaner, clock)
    if not credentials.automatic_tokens:
        yield lambda c: LegacyTokenCleaner(
            _as(c, LegacyTokenCleaner), clock, credentials.legacy_token_period
        )


def _plain(controller: type[Controller], clock: Clock) -> Factory:
    return lambda c: controller(_as(c, controller), clock)


def _as(client: Client, controller: type[Controller]) -> Client:
    user = service_account_user("kube-system", controller.account)
    return client.as_user(user, "kube-controller-manager")


class ControllerManager:
    """Runs every controller as a task of its own; one that fails is started anew after a second."""

    def __init__(self, client: Client, clock: Clock, made: Sequence[Factory]) -> None:
        self._client = client.as_user(MANAGER, "kube-controller-manager")
        self._clock = clock
        self._factories = made
        self._informers = SharedInformers(self._client, clock)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks.append(asyncio.create_task(self._make_accounts()))
        self._tasks += [asyncio.create_task(self._keep(factory)) for factory in self._factories]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._informers.close()

    async def _keep(self, factory: Factory) -> None:
        while True:
            try:
                controller = factory(self._client)
                controller.share(self._informers)
                await controller.run()
            except asyncio.CancelledError:
                raise
            except BaseException:
                logger.exception("a controller stopped; starting it again")
            await self._clock.sleep(RESTART_DELAY)

    async def _make_accounts(self) -> None:
        """The accounts that controllers speak as exist, as the controller manager makes them upstream."""
        accounts = {factory(self._client).account for factory in self._factories} - {""}
        for name in sorted(accounts):
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": name, "namespace": "kube-system"},
            }
            try:
                await self._client.create("serviceaccounts", account, "kube-system")
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    logger.warning("cannot make service account kube-system/%s: %s", name, error)
