from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sekisho.api.status import StatusError
from sekisho.api.types import Attributes, Decision, Rules, UserInfo, Verdict
from sekisho.authn.impersonation import Impersonator

Grant = tuple[str, str, str, str]
"""verb, group, resource with subresource, name"""


class Grants:
    """Allows what it was given, `*` for any; remembers what it was asked."""

    def __init__(self, *grants: Grant, paths: bool = False) -> None:
        self.grants = grants
        self.asked: list[Attributes] = []

    async def authorize(self, attributes: Attributes) -> Verdict:
        self.asked.append(attributes)
        resource = attributes.resource + (f"/{attributes.subresource}" if attributes.subresource else "")
        what = (attributes.verb, attributes.api_group, resource, attributes.name)
        good = any(all(g in ("*", w) for g, w in zip(grant, what, strict=True)) for grant in self.grants)
        return Verdict(Decision.ALLOW if good else Decision.NO_OPINION)

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        return Rules([], [])


CALLER = UserInfo(
    "dave", groups=("system:authenticated",), extra={"authentication.kubernetes.io/credential-id": ("x",)}
)
ALL: Grant = ("*", "*", "*", "*")
A = "authentication.k8s.io"


def request(user: UserInfo = CALLER, **more: Any) -> Attributes:
    base: dict[str, Any] = {
        "verb": "get",
        "namespace": "x",
        "api_version": "v1",
        "resource": "pods",
        "name": "y",
    }
    return Attributes(user, **(base | more))


def ask(
    grants: Grants, *headers: tuple[str, str], attributes: Attributes | None = None, gate: bool = True
) -> Any:
    raw = [(k.lower().encode(), v.encode()) for k, v in headers]
    impersonator = Impersonator(grants, constrained=gate)
    return asyncio.run(impersonator.impersonate(raw, attributes or request()))


def refused(grants: Grants, *headers: tuple[str, str], **more: Any) -> str:
    with pytest.raises(StatusError) as caught:
        ask(grants, *headers, **more)
    assert caught.value.code == 403
    return caught.value.message


USER = ("Impersonate-User", "frank")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([USER], {"username": "frank", "groups": ["system:authenticated"]}),
        (
            [USER, ("Impersonate-Group", "b"), ("impersonate-group", "a")],
            {"username": "frank", "groups": ["b", "a", "system:authenticated"]},
        ),
        (
            [USER, ("Impersonate-Group", "system:authenticated"), ("Impersonate-Group", "z")],
            {"username": "frank", "groups": ["system:authenticated", "z"]},
        ),
        (
            [USER, ("Impersonate-Group", "system:unauthenticated")],
            {"username": "frank", "groups": ["system:unauthenticated"]},
        ),
        ([USER, ("Impersonate-Group", "")], {"username": "frank", "groups": ["", "system:authenticated"]}),
        (
            [USER, ("Impersonate-Uid", "1234"), ("Impersonate-Uid", "5")],
            {"username": "frank", "uid": "1234", "groups": ["system:authenticated"]},
        ),
        (
            [
                USER,
                ("Impersonate-Extra-Acme.com%2FProject", "p"),
                ("impersonate-extra-scopes", "a"),
                ("Impersonate-Extra-Scopes", "b"),
            ],
            {
                "username": "frank",
                "groups": ["system:authenticated"],
                "extra": {"acme.com/project": ["p"], "scopes": ["a", "b"]},
            },
        ),
        (
            [("Impersonate-User", "system:serviceaccount:ns:sa")],
            {
                "username": "system:serviceaccount:ns:sa",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"],
            },
        ),
        (
            [("Impersonate-User", "system:serviceaccount:ns:sa"), ("Impersonate-Group", "g1")],
            {"username": "system:serviceaccount:ns:sa", "groups": ["g1", "system:authenticated"]},
        ),
        (
            [("Impersonate-User", "system:serviceaccount:ns")],
            {"username": "system:serviceaccount:ns", "groups": ["system:authenticated"]},
        ),
        (
            [("Impersonate-User", "system:node:n7")],
            {"username": "system:node:n7", "groups": ["system:nodes", "system:authenticated"]},
        ),
        (
            [("Impersonate-User", "system:anonymous")],
            {"username": "system:anonymous", "groups": ["system:unauthenticated"]},
        ),
        (
            [USER, ("Impersonate-Group", "system:masters")],
            {"username": "frank", "groups": ["system:masters", "system:authenticated"]},
        ),
        ([("Impersonate-User", "")], CALLER.to_object()),
        ([], CALLER.to_object()),
    ],
)
def test_whom_an_admin_becomes(headers: list[tuple[str, str]], expected: Any) -> None:
    result = ask(Grants(ALL), *headers, ("Accept", "x"))
    assert result.user.to_object() == expected
    if result.user is not CALLER:
        assert result.headers == [(b"accept", b"x")]


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (("Impersonate-Group", "g"), 'UID:"", Groups:[]string{"g"}, Extra:map[string][]string(nil)'),
        (("Impersonate-Uid", "u"), 'UID:"u", Groups:[]string(nil), Extra:map[string][]string(nil)'),
        (
            ("Impersonate-Extra-Scopes", "view"),
            'UID:"", Groups:[]string(nil), Extra:map[string][]string{"scopes":[]string{"view"}}',
        ),
    ],
)
def test_no_user_is_a_bad_request(header: tuple[str, str], text: str) -> None:
    for more in ([], [("Impersonate-User", "")]):
        with pytest.raises(StatusError) as caught:
            ask(Grants(ALL), header, *more)
        assert caught.value.code == 400
        assert caught.value.message == (
            'requested &user.DefaultInfo{Name:"", ' + text + "} without impersonating a user name"
        )


def test_what_those_without_rights_are_told() -> None:
    none = Grants()
    dave = 'User "dave" cannot'
    assert refused(none, USER) == (
        f'pods "y" is forbidden: {dave} impersonate-on:user-info:get resource "pods" in API group "" '
        'in the namespace "x"'
    )
    path = Attributes(CALLER, "get", resource_request=False, path="/healthz")
    assert refused(none, USER, attributes=path) == (
        f'forbidden: {dave} impersonate-on:user-info:get path "/healthz"'
    )
    account = ("Impersonate-User", "system:serviceaccount:ns:sa")
    assert "impersonate-on:serviceaccount:get" in refused(none, account)
    assert refused(none, account, ("Impersonate-Group", "g")) == (
        f'serviceaccounts "sa" is forbidden: {dave} impersonate resource "serviceaccounts" in API group "" '
        'in the namespace "ns"'
    )
    node = ("Impersonate-User", "system:node:n7")
    assert "impersonate-on:arbitrary-node:get" in refused(none, node)
    assert refused(none, node, ("Impersonate-Group", "system:nodes")) == (
        f'users "system:node:n7" is forbidden: {dave} impersonate resource "users" in API group "" at the cluster scope'
    )
    assert refused(none, USER, gate=False) == (
        f'users "frank" is forbidden: {dave} impersonate resource "users" in API group "" at the cluster scope'
    )


ON: Grant = ("impersonate-on:user-info:get", "", "pods", "y")
BE: Grant = ("impersonate:user-info", A, "users", "frank")


@pytest.mark.parametrize(
    ("grants", "headers", "text"),
    [
        ([ON], [], 'users.authentication.k8s.io "frank" is forbidden: {} users" {}'),
        (
            [ON, BE],
            [("Impersonate-Group", "ops")],
            'groups.authentication.k8s.io "ops" is forbidden: {} groups" {}',
        ),
        (
            [ON, BE],
            [("Impersonate-Group", "system:masters")],
            'groups.authentication.k8s.io "system:masters" is forbidden: {} groups" {}: impersonating the '
            "system:masters group is not allowed",
        ),
        (
            [ON, BE],
            [("Impersonate-Group", "")],
            'groups.authentication.k8s.io is forbidden: {} groups" {}: impersonating the empty string group is '
            "not allowed",
        ),
        (
            [ON, BE],
            [("Impersonate-Uid", "u-2")],
            'uids.authentication.k8s.io "u-2" is forbidden: {} uids" {}',
        ),
        (
            [ON, BE],
            [("Impersonate-Extra-Acme.com%2fScopes", "edit")],
            'userextras.authentication.k8s.io "edit" is forbidden: {} userextras/acme.com/scopes" {}',
        ),
        (
            [ON, BE],
            [("Impersonate-Extra-Acme.com%2fScopes", "")],
            'userextras.authentication.k8s.io is forbidden: {} userextras" {}: impersonating the empty string '
            "value in extra is not allowed",
        ),
        (
            [ON, BE],
            [("Impersonate-Extra-", "1")],
            'userextras.authentication.k8s.io is forbidden: {} userextras" {}: impersonating the empty string '
            "key in extra is not allowed",
        ),
        (
            [ON, BE],
            [("Impersonate-Extra-Scopes", "view")],
            'userextras.authentication.k8s.io is forbidden: {} userextras" {}: impersonating an invalid key in '
            'extra is not allowed: extra.key: Invalid value: "scopes": must be a domain-prefixed path (such as '
            '"acme.io/foo")',
        ),
        (
            [ON, BE],
            [("Impersonate-Extra-acme.com%2fA", "1")],
            'userextras.authentication.k8s.io is forbidden: {} userextras" {}: impersonating a non-lowercase '
            'key in extra is not allowed: "acme.com/A"',
        ),
    ],
)
def test_constrained_refusals(grants: list[Grant], headers: list[tuple[str, str]], text: str) -> None:
    who = 'User "dave" cannot impersonate:user-info resource "'
    where = 'in API group "authentication.k8s.io" at the cluster scope'
    raw = [
        (k.lower().encode() if "fA" not in k else b"impersonate-extra-acme.com%2f%41", v.encode())
        for k, v in headers
    ]
    impersonator = Impersonator(Grants(*grants))
    with pytest.raises(StatusError) as caught:
        asyncio.run(impersonator.impersonate([(b"impersonate-user", b"frank"), *raw], request()))
    assert caught.value.message == text.format(who, where).replace(who + " ", who)


def test_two_grants_are_enough() -> None:
    result = ask(Grants(ON, BE), USER)
    assert result.user.name == "frank"
    assert result.constraint == "impersonate:user-info"
    legacy = ask(Grants(("impersonate", "", "users", "frank")), USER)
    assert legacy.constraint == ""
    assert legacy.user.to_object() == {"username": "frank", "groups": ["system:authenticated"]}
    node = ask(Grants(("impersonate", "", "users", "*")), ("Impersonate-User", "system:node:n1"))
    assert node.user.groups == ("system:authenticated",)


def test_many_groups_are_asked_for_at_once() -> None:
    groups = [("Impersonate-Group", g) for g in "abcd"]
    grants = Grants(ON, BE, ("impersonate:user-info", A, "groups", "*"))
    assert ask(grants, USER, *groups).user.groups[:4] == ("a", "b", "c", "d")
    assert [a.name for a in grants.asked if a.resource == "groups"] == ["*"]
    one_by_one = Grants(ON, BE, *(("impersonate:user-info", A, "groups", g) for g in "abcd"))
    ask(one_by_one, USER, *groups)
    assert [a.name for a in one_by_one.asked if a.resource == "groups"] == ["*", "a", "b", "c", "d"]
    extras = [("Impersonate-Extra-acme.com%2fk", v) for v in "abcd"]
    wide = Grants(ON, BE, ("impersonate:user-info", A, "userextras/*", "*"))
    assert ask(wide, USER, *extras).user.extra == {"acme.com/k": ("a", "b", "c", "d")}


AGENT = UserInfo(
    "system:serviceaccount:kube-system:agent",
    extra={
        "authentication.kubernetes.io/node-name": ("n1",),
        "authentication.kubernetes.io/pod-name": ("p",),
    },
)


def test_an_agent_and_its_own_node() -> None:
    grants = Grants(
        ("impersonate-on:associated-node:get", "", "pods", "y"),
        ("impersonate:associated-node", A, "nodes", "*"),
    )
    header = ("Impersonate-User", "system:node:n1")
    result = ask(grants, header, attributes=request(AGENT))
    assert result.constraint == "impersonate:associated-node"
    assert result.user.to_object() == {
        "username": "system:node:n1",
        "groups": ["system:nodes", "system:authenticated"],
    }
    assert [a.name for a in grants.asked] == ["y", "*"]
    assert grants.asked[0].user.extra == {
        "authentication.kubernetes.io/associated-node-keys": (
            "authentication.kubernetes.io/node-name",
            "authentication.kubernetes.io/pod-name",
        )
    }
    other = ("Impersonate-User", "system:node:n2")
    assert "impersonate-on:arbitrary-node:get" in refused(grants, other, attributes=request(AGENT))


def test_the_mode_that_last_worked_is_tried_first() -> None:
    grants = Grants(("impersonate", "", "users", "*"))
    impersonator = Impersonator(grants)
    raw = [(b"impersonate-user", b"frank")]
    for _ in range(2):
        asyncio.run(impersonator.impersonate(raw, request()))
    assert [a.verb for a in grants.asked] == ["impersonate-on:user-info:get", "impersonate", "impersonate"]
    grants.grants = ()
    with pytest.raises(StatusError, match='users "frank" is forbidden'):
        asyncio.run(impersonator.impersonate(raw, request()))
