"""Which plugins run, in upstream's order, and which of them are on by default."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from sekisho.admission import configuration
from sekisho.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
    ClusterTrustBundleAttest,
)
from sekisho.admission.claimresize import PersistentVolumeClaimResize
from sekisho.admission.configuration import AdmissionConfigError
from sekisho.admission.defaultingressclass import DefaultIngressClass
from sekisho.admission.defaultstorageclass import DefaultStorageClass
from sekisho.admission.defaulttolerationseconds import DefaultTolerationSeconds
from sekisho.admission.interface import Plugin
from sekisho.admission.limitranger import LimitRanger
from sekisho.admission.namespacelifecycle import NamespaceLifecycle
from sekisho.admission.noderestriction.plugin import NodeRestriction
from sekisho.admission.ownerreferences import Mapping, OwnerReferencesPermissionEnforcement
from sekisho.admission.podsecurity import PodSecurity
from sekisho.admission.podtopologylabels import PodTopologyLabels
from sekisho.admission.priority import Priority
from sekisho.admission.resourcequota import ResourceQuota
from sekisho.admission.runtimeclass import RuntimeClass
from sekisho.admission.serviceaccount import ServiceAccount
from sekisho.admission.storageobjectinuse import StorageObjectInUseProtection
from sekisho.admission.taintnodes import TaintNodesByCondition
from sekisho.api.goformat import quote
from sekisho.registry.registry import Registry

Make = Callable[[Registry], Plugin]


def _owner_references(registry: Registry) -> Plugin:
    def find(api_version: str, kind: str) -> Mapping | None:
        for rest in registry.resources.values():
            if rest.kind.api_version == api_version and rest.info.kind == kind:
                info = rest.info
                return Mapping(info.group, info.version, info.resource, info.namespaced)
        return None

    return OwnerReferencesPermissionEnforcement(find)


PLUGINS: tuple[tuple[str, Make, bool], ...] = (
    (NamespaceLifecycle.name, lambda registry: NamespaceLifecycle(), True),
    (LimitRanger.name, lambda registry: LimitRanger(), True),
    (ServiceAccount.name, lambda registry: ServiceAccount(registry.random, registry.clock), True),
    (NodeRestriction.name, lambda registry: NodeRestriction(), False),
    (TaintNodesByCondition.name, lambda registry: TaintNodesByCondition(), True),
    (PodSecurity.name, lambda registry: PodSecurity(monotonic=registry.clock.monotonic), True),
    (Priority.name, lambda registry: Priority(), True),
    (DefaultTolerationSeconds.name, lambda registry: DefaultTolerationSeconds(), True),
    (DefaultStorageClass.name, lambda registry: DefaultStorageClass(), True),
    (StorageObjectInUseProtection.name, lambda registry: StorageObjectInUseProtection(), True),
    (OwnerReferencesPermissionEnforcement.name, _owner_references, False),
    (PersistentVolumeClaimResize.name, lambda registry: PersistentVolumeClaimResize(), True),
    (RuntimeClass.name, lambda registry: RuntimeClass(), True),
    (CertificateApproval.name, lambda registry: CertificateApproval(), True),
    (CertificateSigning.name, lambda registry: CertificateSigning(), True),
    (ClusterTrustBundleAttest.name, lambda registry: ClusterTrustBundleAttest(), True),
    (CertificateSubjectRestriction.name, lambda registry: CertificateSubjectRestriction(), True),
    (DefaultIngressClass.name, lambda registry: DefaultIngressClass(), True),
    (PodTopologyLabels.name, lambda registry: PodTopologyLabels(), True),
    (ResourceQuota.name, lambda registry: ResourceQuota(registry), True),
)
"""Every plugin, in the order it is asked; whether it is on when nobody says anything."""


class UnknownPluginError(ValueError):
    """A plugin name that upstream's flags would not know either."""


def check_names(names: Collection[str]) -> None:
    """Raises UnknownPluginError for the first name that is no plugin's."""
    known = known_names()
    for name in names:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise UnknownPluginError(f'admission plugin "{name}" is unknown; known are {listed}')


def enabled_plugins(
    registry: Registry, enable: Collection[str], disable: Collection[str], file: Path | None = None
) -> list[Plugin]:
    """The plugins to run, set up as the AdmissionConfiguration in `file` says. Raises UnknownPluginError for a name
    that is none, AdmissionConfigError for a file that cannot be used."""
    check_names((*enable, *disable))
    running = [
        make(registry)
        for name, make, default in PLUGINS
        if (default or name in enable) and name not in disable
    ]
    configured = configuration.read(file, known_names())
    for plugin in running:
        if plugin.name in configured:
            _configure(plugin, configured[plugin.name])
    return running


def check_configuration(file: Path | None) -> None:
    """Raises AdmissionConfigError for a file that a start would fail with."""
    configured = configuration.read(file, known_names())
    if PodSecurity.name in configured:
        _configure(PodSecurity(), configured[PodSecurity.name])


def _configure(plugin: Plugin, data: bytes) -> None:
    try:
        plugin.configure(data)
    except ValueError as error:
        raise AdmissionConfigError(
            f"failed to initialize admission: couldn't init admission plugin {quote(plugin.name)}: {error}"
        )


def known_names() -> frozenset[str]:
    return frozenset(name for name, _, _ in PLUGINS)
