"""What validation of pod specs tolerates: where create and update differ (upstream's PodValidationOptions).

Rules that were tightened over time do not refuse an update of an object that broke them before. Feature gates
stand as in Kubernetes 1.36 by default and appear only where the stored object can open them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodOptions:
    """`is_pod`: the object is a Pod and not a template. All else the stored one has already."""

    is_pod: bool = False
    invalid_deletion_cost: bool = False
    invalid_affinity_values: bool = False
    """Label values in the selectors of pod affinity."""
    invalid_node_affinity_values: bool = False
    """Label values in required node affinity."""
    indivisible_huge_pages: bool = False
    invalid_spread_selector: bool = False
    legacy_spread_label_keys: bool = False
    non_local_token_path: bool = False
    sysctls_in_host_namespaces: bool = False
    any_selinux_policy: bool = False
    comparing_tolerations: bool = False
    host_network_with_user_namespace: bool = False
    volume_devices_with_user_namespace: bool = False
    restart_container_of_init: bool = False
    empty_image_reference: bool = False


FOR_POD = PodOptions(is_pod=True)
"""A new Pod."""

FOR_TEMPLATE = PodOptions()
"""A new workload."""
