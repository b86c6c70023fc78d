"""What a stored pod spec already breaks, and an update of it may therefore go on breaking."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.api.field import Path
from sekisho.api.objectmeta import validate_label_selector
from sekisho.api.quantity import Quantity
from sekisho.api.types import Object
from sekisho.schema.podwalk import containers, is_sidecar
from sekisho.schema.resourcenames import is_huge_page
from sekisho.schema.validation.affinity import (
    PREFERRED,
    REQUIRED,
    pod_term_selector_errors,
    validate_label_keys,
    validate_node_selector,
)
from sekisho.schema.validation.common import local_file_path
from sekisho.schema.validation.options import PodOptions
from sekisho.schema.validation.podannotations import DELETION_COST, is_deletion_cost
from sekisho.schema.validation.resources import is_divisible
from sekisho.schema.validation.securitycontext import host_namespace_of_sysctl

_NOWHERE = Path()


def options_for_update(old_spec: Object, old_metadata: Object, *, is_pod: bool) -> PodOptions:
    """The options for an update of an object with this pod spec and these annotations."""
    context: Object = old_spec.get("securityContext") or {}
    affinity: Object = old_spec.get("affinity") or {}
    constraints: list[Object] = old_spec.get("topologySpreadConstraints") or []
    own_users = old_spec.get("hostUsers") is False
    cost = (old_metadata.get("annotations") or {}).get(DELETION_COST)
    return PodOptions(
        is_pod=is_pod,
        invalid_deletion_cost=cost is not None and not is_deletion_cost(cost),
        invalid_affinity_values=any(map(_has_bad_selector, _pod_terms(affinity))),
        invalid_node_affinity_values=_has_bad_node_values(affinity),
        indivisible_huge_pages=any(map(_has_odd_huge_pages, containers(old_spec))),
        invalid_spread_selector=any(_bad_selector(c.get("labelSelector")) for c in constraints),
        legacy_spread_label_keys=any(map(_has_bad_label_keys, constraints)),
        non_local_token_path=_has_bad_token_path(old_spec),
        sysctls_in_host_namespaces=any(
            host_namespace_of_sysctl(sysctl.get("name", ""), old_spec)
            for sysctl in context.get("sysctls") or ()
        ),
        any_selinux_policy=context.get("seLinuxChangePolicy") is not None,
        comparing_tolerations=any(
            t.get("operator") in ("Lt", "Gt") for t in old_spec.get("tolerations") or ()
        ),
        host_network_with_user_namespace=own_users and bool(old_spec.get("hostNetwork")),
        volume_devices_with_user_namespace=own_users
        and any(c.get("volumeDevices") for c in containers(old_spec)),
        restart_container_of_init=_restarts_init_container(old_spec),
        empty_image_reference=any(_lacks_reference(volume) for volume in old_spec.get("volumes") or ()),
    )


def _pod_terms(affinity: Object) -> Iterator[Object]:
    for field in ("podAffinity", "podAntiAffinity"):
        terms: Object = affinity.get(field) or {}
        yield from terms.get(REQUIRED) or ()
        for weighted in terms.get(PREFERRED) or ():
            yield weighted.get("podAffinityTerm") or {}


def _has_bad_selector(term: Object) -> bool:
    return bool(pod_term_selector_errors(term, _NOWHERE, any_values=False))


def _bad_selector(selector: Object | None) -> bool:
    return selector is not None and bool(validate_label_selector(selector, _NOWHERE))


def _has_bad_node_values(affinity: Object) -> bool:
    selector = (affinity.get("nodeAffinity") or {}).get(REQUIRED)
    return selector is not None and validate_node_selector(selector, _NOWHERE, any_values=False) != (
        validate_node_selector(selector, _NOWHERE, any_values=True)
    )


def _has_odd_huge_pages(container: Object) -> bool:
    resources: Object = container.get("resources") or {}
    return any(
        is_huge_page(name) and not is_divisible(name, Quantity.parse(amount))
        for field in ("limits", "requests")
        for name, amount in (resources.get(field) or {}).items()
    )


def _has_bad_label_keys(constraint: Object) -> bool:
    keys = constraint.get("matchLabelKeys") or []
    return bool(validate_label_keys(keys, [], constraint.get("labelSelector"), _NOWHERE))


def _has_bad_token_path(spec: Object) -> bool:
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            token = source.get("serviceAccountToken")
            if token is not None and local_file_path(_NOWHERE, token.get("path", "")):
                return True
    return False


def _restarts_init_container(spec: Object) -> bool:
    return any(
        policy.get("restartPolicy") == "RestartContainer"
        for container in spec.get("initContainers") or ()
        if not is_sidecar(container)
        for policy in container.get("resizePolicy") or ()
    )


def _lacks_reference(volume: Object) -> bool:
    image = volume.get("image")
    return image is not None and not image.get("reference")
