"""`sekisho why`: what happened to a request, who it was from, and why it was allowed or refused."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli import _home
from sekisho.cli._errors import CommandError
from sekisho.cli._output import name_option, output_option, show_data, show_table

if TYPE_CHECKING:
    from sekisho.cli._api import AdminClient

PATH = "/apis/explain.sekisho.dev/v1/passages"
GROUP = "explain.sekisho.dev"
LAST = "last"
LOOK_BACK = 100
"""How many passages are looked through for the last one that is worth telling."""
PROBES = ("/healthz", "/livez", "/readyz")
STAGE_WIDTH = 16
LINE_WIDTH = 100


@click.command("why", short_help="Tell why a request was allowed or refused.")
@click.argument("which", metavar="[last|AUDIT-ID]", default=LAST)
@click.option("--user", metavar="USER", help="Only requests that went on as this user.")
@click.option("--code", type=int, metavar="CODE", help="Only requests that were answered with this code.")
@click.option("--denied", is_flag=True, help="Only requests that authorization refused.")
@click.option(
    "-l", "--list", "listed", is_flag=True, help="List requests, the newest first, instead of telling one."
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many, with --list.",
)
@name_option
@output_option
def command(
    which: str,
    user: str | None,
    code: int | None,
    denied: bool,
    listed: bool,
    count: int,
    name: str,
    output: str | None,
) -> None:
    """Tell the way of a request through the server: which authenticators looked at it and what each found, the rule
    that allowed it or what came nearest to allowing it, what admission changed, and the answer.

    A request is named by the Audit-Id that its response carries; `last` is the last one that was not a look at
    this log or a health check. For a refusal, the smallest manifest that would allow exactly that request follows.

    \b
    Examples:
      sekisho why
      sekisho why --user bob --denied
      sekisho why 7c0e2d0e-5a64-4b0e-9a8e-0d6f3a1c9f11 -o yaml
      sekisho why --list --code 403
    """
    from sekisho.api.fields import escape_value
    from sekisho.cli._api import AdminClient

    terms = _terms(user, code, denied)
    with AdminClient(_home.running_place(name)) as client:
        if listed:
            if which != LAST:
                raise CommandError("--list shows many requests; it takes no Audit-Id")
            _show_list(_find(client, terms, limit=count), output)
            return
        if which == LAST:
            which = _last(client, terms)
        found = _find(client, [*terms, f"auditID={escape_value(which)}"], limit=1, explain=True)
    if not found:
        raise CommandError(
            f"no request with Audit-Id {which} is remembered; the log keeps the last ones only, and none from "
            "before the server started"
        )
    if output:
        show_data(found[0], output)
    else:
        click.echo("\n".join(_account(found[0])))


def _terms(user: str | None, code: int | None, denied: bool) -> list[str]:
    """The terms of the field selector that the flags ask for."""
    from sekisho.api.fields import escape_value

    out = []
    if user is not None:
        out.append(f"user={escape_value(user)}")
    if code is not None:
        out.append(f"code={code}")
    if denied:
        out += ["decision!=allow", "decision!="]
    return out


def _find(
    client: AdminClient, terms: list[str], *, limit: int, explain: bool = False
) -> list[dict[str, Any]]:
    from urllib.parse import urlencode

    query = {"limit": str(limit)}
    if terms:
        query["fieldSelector"] = ",".join(terms)
    if explain:
        query["explain"] = "true"
    items: list[dict[str, Any]] = client.get(f"{PATH}?{urlencode(query)}")["items"]
    return items


def _last(client: AdminClient, terms: list[str]) -> str:
    for passage in _find(client, terms, limit=LOOK_BACK):
        path = passage["request"]["path"]
        looked = passage.get("attributes", {}).get("apiGroup") == GROUP
        if not looked and not path.startswith(PROBES):
            return str(passage["auditID"])
    raise CommandError("no such request is remembered")


def _show_list(passages: list[dict[str, Any]], output: str | None) -> None:
    if output:
        show_data(passages, output)
        return
    rows = [
        [
            p["time"][:19].replace("T", " "),
            user_of(p).get("username", "-"),
            *_what(p),
            str(p.get("response", {}).get("code", "-")),
            p["auditID"],
        ]
        for p in passages
    ]
    show_table(["time", "user", "verb", "what", "code", "audit-id"], rows)


def user_of(passage: dict[str, Any]) -> dict[str, Any]:
    """Who a request went on as: after impersonation."""
    impersonation = passage.get("impersonation", {})
    user: dict[str, Any] = impersonation.get("user") or passage["authentication"].get("user") or {}
    return user


def _what(passage: dict[str, Any]) -> tuple[str, str]:
    request, attributes = passage["request"], passage.get("attributes", {})
    if "resource" not in attributes:
        return attributes.get("verb") or request.get("method", "-"), request["path"]
    what = attributes["resource"]
    if "name" in attributes:
        what += f" {attributes['name']}"
    if "namespace" in attributes:
        what += f" -n {attributes['namespace']}"
    return attributes["verb"], what


def _account(passage: dict[str, Any]) -> Iterator[str]:
    """The lines of one account."""
    told = passage["explanation"]
    request = passage["request"]
    yield told["headline"]
    query = f"?{request['query']}" if request.get("query") else ""
    yield f"  {request.get('method', 'in-process')} {request['path']}{query}"
    yield f"  {passage['time']}  Audit-Id {passage['auditID']}"
    for step in told["steps"]:
        yield ""
        head = f"{step['stage']}:".ljust(STAGE_WIDTH)
        for sentence in step["sentences"]:
            yield from textwrap.wrap(
                sentence,
                LINE_WIDTH,
                initial_indent=head,
                subsequent_indent=" " * STAGE_WIDTH,
                break_long_words=False,
                break_on_hyphens=False,
            )
            head = " " * STAGE_WIDTH
    yield from _remedies(told)


def _remedies(told: dict[str, Any]) -> Iterator[str]:
    misses = told.get("nearMisses", [])
    if misses:
        yield ""
        yield "What came near, the nearest first:"
        for number, miss in enumerate(misses, 1):
            yield f"  {number}. {miss['sentence']}."
    manifests = told.get("manifests", [])
    if manifests:
        import yaml

        yield ""
        yield "This would allow exactly this request:"
        yield "---"
        yield yaml.safe_dump_all(manifests, sort_keys=False, allow_unicode=True).rstrip()
