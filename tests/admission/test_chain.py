"""The chain leaves an account of what its plugins did."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from sekisho.admission.chain import Chain
from sekisho.admission.interface import Plugin
from sekisho.api.status import StatusError
from sekisho.api.types import UserInfo


class Labels(Plugin):
    name = "Labels"

    async def admit(self, request):
        request.object["metadata"]["labels"] = {"a": "b"}


class Watches(Plugin):
    name = "Watches"

    async def admit(self, request):
        pass


class Refuses(Plugin):
    name = "Refuses"

    async def validate(self, request):
        raise request.forbidden("no")


def context(mutations):
    return SimpleNamespace(
        name="x",
        namespace="",
        user=UserInfo("bob"),
        authorizer=None,
        dry_run=False,
        warnings=[],
        annotations={},
        mutations=mutations,
    )


def run(plugins, mutations, resource="pods"):
    chain = Chain(None, plugins)
    rest = SimpleNamespace(info=SimpleNamespace(group="", resource=resource), subresource="")
    obj = {"metadata": {"name": "x"}}
    ctx = context(mutations)
    asyncio.run(chain.admit(ctx, rest, "CREATE", obj, None, {}))
    asyncio.run(chain.validate(ctx, rest, "CREATE", obj, None, {}))
    return mutations


CHANGE = {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}


def test_changes_are_noted_by_plugin():
    assert run([Watches(), Labels(), Watches()], []) == [{"plugin": "Labels", "changes": [CHANGE]}]
    assert run([Labels()], None) is None


def test_values_of_secrets_are_not_kept():
    (entry,) = run([Labels()], [], "secrets")
    assert entry["changes"] == [{"op": "add", "path": "/metadata/labels"}]


def test_refusals_are_noted():
    kept = []
    with pytest.raises(StatusError):
        run([Refuses()], kept)
    assert kept == [{"plugin": "Refuses", "refusal": 'pods "x" is forbidden: no'}]
