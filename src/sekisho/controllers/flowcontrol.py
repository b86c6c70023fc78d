"""The flow schemas and priority levels of every cluster, and whether each schema's level exists.

Upstream's API server does both: mandatory objects are put back to what they have to be, suggested ones are
made once and kept up to date while nobody has changed them.
"""

from __future__ import annotations

import asyncio

from sekisho.api.clock import Clock
from sekisho.api.goformat import quote
from sekisho.api.status import StatusError
from sekisho.api.time import format_time
from sekisho.api.types import Object
from sekisho.controllers.apiservices import API_SERVER
from sekisho.controllers.controller import Controller
from sekisho.registry.client import Client
from sekisho.schema import flowcontrol

LEVELS = f"prioritylevelconfigurations.{flowcontrol.GROUP}"
SCHEMAS = f"flowschemas.{flowcontrol.GROUP}"
DANGLING = "Dangling"


async def ensure_flow_control(client: Client) -> None:
    """Make the objects that are missing, levels first. Suggested ones come back only where none is left."""
    for resource, mandatory, suggested in (
        (LEVELS, flowcontrol.mandatory_levels(), flowcontrol.suggested_levels()),
        (SCHEMAS, flowcontrol.mandatory_schemas(), flowcontrol.suggested_schemas()),
    ):
        names = {obj["metadata"]["name"] for obj in mandatory}
        present = {obj["metadata"]["name"] for obj in await client.list(resource)}
        wanted = [*mandatory, *([] if present - names else suggested)]
        missing = [obj for obj in wanted if obj["metadata"]["name"] not in present]
        await asyncio.gather(*(_create(client, resource, obj) for obj in missing))


async def _create(client: Client, resource: str, obj: Object) -> None:
    try:
        await client.create(resource, obj)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise


class FlowSchemaConditions(Controller):
    """Keeps each FlowSchema's condition Dangling. Speaks as the API server, which does this upstream."""

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client.as_user(API_SERVER, "api-priority-and-fairness-config-consumer-v1"), clock)
        self._schemas = self.informer(SCHEMAS)
        self._levels = self.informer(LEVELS)
        self._schemas.on_change(self._schema_changed)
        self._levels.on_change(self._level_changed)

    def _schema_changed(self, new: Object | None, old: Object | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    def _level_changed(self, new: Object | None, old: Object | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        for schema in self._schemas:
            if _level_of(schema) == name:
                self.queue.add(schema["metadata"]["name"])

    async def reconcile(self, key: str) -> None:
        schema = self._schemas.get("", key)
        if schema is None:
            return
        wanted = self._condition(_level_of(schema))
        conditions = (schema.get("status") or {}).get("conditions") or []
        others = [c for c in conditions if c.get("type") != DANGLING]
        present: Object = next((c for c in conditions if c.get("type") == DANGLING), {})
        if all(present.get(field) == value for field, value in wanted.items()):
            return
        since = present.get("lastTransitionTime")
        if present.get("status") != wanted["status"] or not since:
            since = format_time(self.clock.now())
        condition = {
            "type": DANGLING,
            "status": wanted["status"],
            "lastTransitionTime": since,
            "reason": wanted["reason"],
            "message": wanted["message"],
        }
        status = {"conditions": [*others, condition]}
        await self.client.patch(SCHEMAS, key, {"status": status}, subresource="status")

    def _condition(self, level: str) -> Object:
        text = f"This FlowSchema references the PriorityLevelConfiguration object named {quote(level)}"
        if self._levels.get("", level) is not None:
            return {"status": "False", "reason": "Found", "message": f"{text} and it exists"}
        return {"status": "True", "reason": "NotFound", "message": f"{text} but there is no such object"}


def _level_of(schema: Object) -> str:
    name: str = (schema["spec"].get("priorityLevelConfiguration") or {}).get("name", "")
    return name
