"""Server-side printing: what `kubectl get` shows of each kind, as rows of a `meta.k8s.io/v1 Table`.

One file a family; each has a `TABLES` that maps (group, kind) to its printer. A kind without a printer shows
its name and when it was created. Column names, types, order and cells are upstream's
(pkg/printers/internalversion); the descriptions are not.
"""

from __future__ import annotations

from sekisho.api.tables import (
    admission,
    apps,
    autoscaling,
    batch,
    certificates,
    core,
    events,
    flowcontrol,
    generic,
    identity,
    networking,
    nodes,
    pods,
    policy,
    rbac,
    registration,
    resource,
    services,
    storage,
)
from sekisho.api.tables.printer import TablePrinter, Tables

__all__ = ["TABLES", "TablePrinter", "table_for"]

_FAMILIES = (
    admission,
    apps,
    autoscaling,
    batch,
    certificates,
    core,
    events,
    flowcontrol,
    identity,
    networking,
    nodes,
    pods,
    policy,
    rbac,
    registration,
    resource,
    services,
    storage,
)

TABLES: Tables = {key: printer for family in _FAMILIES for key, printer in family.TABLES.items()}


def table_for(group: str, kind: str, *, token_secrets: bool = False) -> TablePrinter:
    """The printer of a kind. With `token_secrets`, ServiceAccounts show how many Secrets they have, as they
    did while each had one for its token (until 1.23)."""
    if token_secrets and (group, kind) == ("", "ServiceAccount"):
        return core.SERVICE_ACCOUNTS_WITH_SECRETS
    return TABLES.get((group, kind), generic.PRINTER)
