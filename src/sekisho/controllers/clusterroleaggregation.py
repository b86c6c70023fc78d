"""clusterrole-aggregation-controller: aggregating ClusterRoles hold the rules of those they select.

Any change of a ClusterRole queues every aggregating role, as upstream does: chains of aggregated roles
come to rest by repeated events. Rules are written by server-side apply; an edit by hand is taken back.
"""

from __future__ import annotations

from typing import Any

from sekisho.api.clock import Clock
from sekisho.api.rbacaggregation import aggregated_rules
from sekisho.api.types import Object
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client

RESOURCE = "clusterroles.rbac.authorization.k8s.io"


class ClusterRoleAggregation(Controller):
    account = "clusterrole-aggregation-controller"

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._roles = self.informer(RESOURCE)
        self._roles.on_change(self._changed)

    def _changed(self, new: Object | None, old: Object | None) -> None:
        for role in self._roles:
            if role.get("aggregationRule"):
                self.queue.add(role["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        role = self._roles.get("", key)
        if role is None or not role.get("aggregationRule"):
            return
        rules = aggregated_rules(role, self._roles)
        if rules == (role.get("rules") or []):
            return
        patch: dict[str, Any] = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": key},
        }
        if rules:
            patch["rules"] = rules
        await self.client.patch(RESOURCE, key, patch, type="apply", force=True, manager=self.account)
