"""Role bindings. Roles themselves have no printer: they show when they were created."""

from __future__ import annotations

from sekisho.api.tables import cells
from sekisho.api.tables.printer import AGE, NAME, Cells, TablePrinter, Tables, column
from sekisho.api.types import Object

GROUP = "rbac.authorization.k8s.io"


def _binding(obj: Object, now: float) -> Cells:
    role = cells.part(obj, "roleRef")
    subjects = obj.get("subjects") or ()
    accounts = [
        f"{s.get('namespace', '')}/{s.get('name', '')}" for s in subjects if s.get("kind") == "ServiceAccount"
    ]
    return [
        cells.name(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        cells.age(obj, now),
        ", ".join(s.get("name", "") for s in subjects if s.get("kind") == "User"),
        ", ".join(s.get("name", "") for s in subjects if s.get("kind") == "Group"),
        ", ".join(accounts),
    ]


_COLUMNS = [
    NAME,
    column("Role", "Role that the binding grants."),
    AGE,
    column("Users", "Users it is granted to.", wide=True),
    column("Groups", "Groups it is granted to.", wide=True),
    column("ServiceAccounts", "Service accounts it is granted to.", wide=True),
]

TABLES: Tables = {
    (GROUP, "RoleBinding"): TablePrinter(_COLUMNS, _binding),
    (GROUP, "ClusterRoleBinding"): TablePrinter(_COLUMNS, _binding),
}
