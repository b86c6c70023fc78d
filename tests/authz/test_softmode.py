"""Soft mode: would-be denials go through inside its scopes, and only there."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.api.types import Attributes, Decision, UserInfo, Verdict
from sekisho.authz.softmode import Scopes, SoftAuthorizer, warning


class Fixed:
    def __init__(self, decision):
        self.verdict = Verdict(decision, "because")

    async def authorize(self, attributes):
        return self.verdict


def ask(decision, scopes, user="bob", groups=(), namespace="n"):
    made = SoftAuthorizer(Fixed(decision), Scopes.parse(scopes))
    attributes = Attributes(
        UserInfo(user, groups=groups), "get", namespace=namespace, resource="pods", subresource="log"
    )
    verdict = asyncio.run(made.authorize(attributes))
    return verdict, warning(attributes, verdict)


@pytest.mark.parametrize("scope", ["n", "user:bob", "group:dev"])
def test_what_is_let_through(scope):
    verdict, text = ask(Decision.NO_OPINION, [scope], groups=("dev", "system:authenticated"))
    assert verdict.allowed
    assert verdict.evidence.verdict.reason == "because"
    assert text == 'authorization dry run: user "bob" may not get pods/log'


def test_what_is_not():
    verdict, text = ask(Decision.NO_OPINION, ["m", "user:eve"])
    assert not verdict.allowed
    assert text == ""
    nobody = ask(Decision.NO_OPINION, ["n"], "system:anonymous", ("system:unauthenticated",))
    assert not nobody[0].allowed, "a namespace is not opened to those who show no credential"
    assert ask(Decision.DENY, ["n"])[0].decision is Decision.DENY
    verdict, text = ask(Decision.ALLOW, ["n"])
    assert verdict.evidence is None
    assert text == ""


def test_scopes():
    scopes = Scopes.parse(["n", "serviceaccount:a:b", "group:g"])
    assert str(scopes) == "namespace n, user system:serviceaccount:a:b, group g"
    assert not Scopes.parse([])
    for bad in ("", "user:", "serviceaccount:a", "role:x"):
        with pytest.raises(ValueError, match="neither a namespace nor a subject"):
            Scopes.parse([bad])
