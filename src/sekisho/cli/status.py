"""`sekisho status`: which clusters there are, and how they run."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from sekisho.api.time import human_duration
from sekisho.cli import _home
from sekisho.cli._output import output_option, show_data, show_table


@click.command("status", short_help="Show clusters and how they run.")
@click.option("--name", metavar="NAME", help="Only this cluster.")
@output_option
def command(name: str | None, output: str | None) -> None:
    """Show clusters: whether they run, where, since when, in which era of token Secrets, with which kind of node.

    Exit code 0 when every cluster shown runs, 3 when one does not, or when there is none.
    """
    places = [_home.place(name)] if name else _home.places()
    facts = [_facts(p) for p in places]
    if output:
        show_data(facts[0] if name else facts, output)
    elif not facts:
        click.echo("There is no cluster yet. Start one with: sekisho up")
    else:
        rows = [
            [
                f["name"],
                "running" if f["running"] else "stopped",
                f["url"] or "-",
                f["age"] or "-",
                f["tokenSecrets"] or "-",
                f["node"] or "-",
            ]
            for f in facts
        ]
        show_table(["name", "status", "url", "age", "token-secrets", "node"], rows)
    _warn_of_soft_mode(facts)
    if not facts or not all(f["running"] for f in facts):
        sys.exit(3)


def _facts(place: _home.Place) -> dict[str, Any]:
    running = place.is_running()
    state = place.state()
    started = state.get("startedAt")
    return {
        "name": place.name,
        "running": running,
        "url": state.get("url") if running else None,
        "pid": state.get("pid") if running else None,
        "age": human_duration(time.time() - started) if running and started else None,
        "tokenSecrets": state.get("tokenSecrets"),
        "authorizationMode": state.get("authorizationMode"),
        "authorizationDryRun": state.get("authorizationDryRun") or [],
        "node": state.get("node"),
        "context": place.context,
        "folder": str(place.folder),
    }


def _warn_of_soft_mode(clusters: list[dict[str, Any]]) -> None:
    """Loud, because a cluster in soft mode refuses less than its RBAC says."""
    for one in clusters:
        if one["running"] and one["authorizationDryRun"]:
            scopes = ", ".join(one["authorizationDryRun"])
            text = f"WARNING: cluster {one['name']} runs with --authorization-dry-run: denials are let through for"
            click.secho(f"{text} {scopes}", err=True, bold=True, fg="red")
