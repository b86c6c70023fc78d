"""What a shell completes besides commands and flags: clusters, and the ServiceAccounts and Pods of one that runs.

Completion must never fail loudly, nor wait: whatever goes wrong, there is nothing to complete.
"""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from sekisho.cli import _home

PATIENCE = 1.0


def clusters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    try:
        return [CompletionItem(p.name) for p in _home.places() if p.name.startswith(incomplete)]
    except OSError:
        return []


def accounts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`namespace/name` of every ServiceAccount."""
    return _names(ctx, "/api/v1/serviceaccounts", incomplete)


def pods(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The Pods in the namespace of --serviceaccount."""
    namespace, slash, _ = str(ctx.params.get("serviceaccount") or "").partition("/")
    if not slash:
        return []
    found = _names(ctx, f"/api/v1/namespaces/{namespace}/pods", f"{namespace}/{incomplete}")
    return [CompletionItem(item.value.removeprefix(f"{namespace}/")) for item in found]


def _names(ctx: click.Context, path: str, incomplete: str) -> list[CompletionItem]:
    from sekisho.cli._api import AdminClient

    try:
        with AdminClient(_home.running_place(ctx.params.get("name") or _home.DEFAULT), PATIENCE) as client:
            items = client.get(path)["items"]
    except (click.ClickException, OSError, ValueError, KeyError):
        return []
    names = (f"{i['metadata']['namespace']}/{i['metadata']['name']}" for i in items)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
