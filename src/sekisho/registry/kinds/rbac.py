"""Roles and bindings: nobody may grant what he does not hold.

The escalation check runs after mutating admission and before validation, so its 403 and 404 come where
other kinds answer 422 and 409. Follows upstream's pkg/registry/rbac/*/policybased: the verbs `escalate`
and `bind` lift the check, and what the writer holds comes from stored RBAC objects only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sekisho.api import names
from sekisho.api.field import ErrorList
from sekisho.api.goformat import aggregate, quote, quote_list
from sekisho.api.rbac import (
    CLUSTER_ROLE,
    GROUP,
    ROLE,
    Binding,
    Role,
    Rule,
    unsupported_kind_text,
)
from sekisho.api.rbaccover import missing_text, uncovered
from sekisho.api.status import bad_request, forbidden, not_found, plain_error
from sekisho.api.types import MASTERS, Attributes, GroupResource, Object, UserInfo
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.defaults.rbac import set_defaults_binding, set_defaults_role
from sekisho.schema.validation.rbac import (
    validate_binding_update,
    validate_cluster_role,
    validate_cluster_role_binding,
    validate_role,
    validate_role_binding,
)

_EVERYTHING: Sequence[Object] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
_PLURALS = {ROLE: "roles", CLUSTER_ROLE: "clusterroles"}


Holdings = Callable[[UserInfo, str], Iterable[tuple[Binding, Role | None]]]
"""What a user holds in a namespace (empty: at cluster scope) by stored bindings, with their roles where those
exist. The index that decides about requests answers it; the registry only knows it by this shape."""


class _PolicyStrategy(Strategy):
    create_on_update = True

    def name_errors(self, name: str) -> list[str]:
        return names.path_segment(name)

    @property
    def _resource(self) -> GroupResource:
        return GroupResource(self.info.group, self.info.resource)

    def _confirm_cover(self, ctx: Context, obj: Object, rules: Sequence[Object]) -> None:
        """403 unless the writer holds every one of `rules` where the request is."""
        text = _escalation(ctx.registry.holdings, self._resource, ctx.user, ctx.namespace, rules)
        if text:
            raise forbidden(self._resource, obj["metadata"].get("name", ""), text)


class RoleStrategy(_PolicyStrategy):
    """Role; a writer without `escalate` may only put rules into it that he holds in its namespace."""

    def default(self, obj: Object) -> None:
        set_defaults_role(obj)

    async def authorise_create(self, ctx: Context, obj: Object) -> None:
        await self._authorise(ctx, obj, None)

    async def authorise_update(self, ctx: Context, new: Object, old: Object) -> None:
        await self._authorise(ctx, new, old)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_role(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_role(new)

    async def _authorise(self, ctx: Context, new: Object, old: Object | None) -> None:
        if MASTERS in ctx.user.groups or await self._may_escalate(ctx):
            return
        if old is not None and _only_bookkeeping_differs(new, old):
            return
        self._confirm_cover(ctx, new, new.get("rules") or [])
        self._confirm_aggregation(ctx, new, old)

    async def _may_escalate(self, ctx: Context) -> bool:
        attributes = Attributes(
            user=ctx.user,
            verb="escalate",
            namespace=ctx.namespace,
            api_group=self.info.group,
            api_version="*",
            resource=self.info.resource,
            name=ctx.name,
        )
        return (await ctx.authorizer.authorize(attributes)).allowed

    def _confirm_aggregation(self, ctx: Context, new: Object, old: Object | None) -> None:
        """Roles do not gather rules."""


class ClusterRoleStrategy(RoleStrategy):
    """ClusterRole; one that gathers rules by label may be written by those alone who hold everything."""

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_cluster_role(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_cluster_role(new, old)

    def _confirm_aggregation(self, ctx: Context, new: Object, old: Object | None) -> None:
        if not _gathers(new) and not _gathers(old):
            return
        if _escalation(ctx.registry.holdings, self._resource, ctx.user, ctx.namespace, _EVERYTHING):
            text = "must have cluster-admin privileges to use the aggregationRule"
            raise forbidden(self._resource, new["metadata"].get("name", ""), text)


class RoleBindingStrategy(_PolicyStrategy):
    """RoleBinding; a writer without `bind` on the role must hold all its rules himself."""

    def default(self, obj: Object) -> None:
        set_defaults_binding(obj)

    async def authorise_create(self, ctx: Context, obj: Object) -> None:
        await self._authorise(ctx, obj, None)

    async def authorise_update(self, ctx: Context, new: Object, old: Object) -> None:
        await self._authorise(ctx, new, old)

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_role_binding(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return self.validate(ctx, new) + validate_binding_update(new, old)

    async def _authorise(self, ctx: Context, new: Object, old: Object | None) -> None:
        if MASTERS in ctx.user.groups or (old is not None and _only_bookkeeping_differs(new, old)):
            return
        ref = new.get("roleRef") or {}
        if not await self._may_bind(ctx, ref):
            self._confirm_cover(ctx, new, self._referred_rules(ctx, ref))

    async def _may_bind(self, ctx: Context, ref: Object) -> bool:
        plural = _PLURALS.get(ref.get("kind", ""))
        if plural is None:
            return False
        attributes = Attributes(
            user=ctx.user,
            verb="bind",
            namespace=ctx.namespace,
            api_group=ref.get("apiGroup", ""),
            api_version="*",
            resource=plural,
            name=ref.get("name", ""),
        )
        return (await ctx.authorizer.authorize(attributes)).allowed

    def _referred_rules(self, ctx: Context, ref: Object) -> list[Object]:
        """The rules of the role. What is wrong with the reference is answered as the storage of roles does
        it, but a role that is missing is named as this request's resource."""
        kind, name = ref.get("kind", ""), ref.get("name", "")
        if kind not in _PLURALS:
            raise plain_error(unsupported_kind_text(kind))
        if kind == ROLE and not ctx.namespace:
            raise bad_request("Namespace parameter required.")
        role = ctx.registry.lookup(f"{_PLURALS[kind]}.{GROUP}", ctx.namespace if kind == ROLE else "", name)
        if role is None:
            raise not_found(self._resource, name)
        return role.get("rules") or []


class ClusterRoleBindingStrategy(RoleBindingStrategy):
    """ClusterRoleBinding."""

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_cluster_role_binding(obj)


def _gathers(role: Object | None) -> bool:
    return bool(((role or {}).get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_bookkeeping_differs(new: Object, old: Object) -> bool:
    """Whether only owner references, finalizers and managed fields change: the garbage collector's writes."""
    free = ("ownerReferences", "finalizers", "managedFields")
    if not _same(new, old, ("kind", "apiVersion", "metadata")):
        return False
    return _same(new["metadata"], old["metadata"], free)


def _same(new: Object, old: Object, but: tuple[str, ...]) -> bool:
    return all(key in but or new.get(key) == old.get(key) for key in new.keys() | old.keys())


def _escalation(
    held: Holdings, resource: GroupResource, user: UserInfo, namespace: str, rules: Sequence[Object]
) -> str:
    """What to refuse with, empty when the user holds all of `rules` in the namespace."""
    owned: list[Rule] = []
    errors: list[str] = []
    for binding, role in held(user, namespace):
        if role is not None:
            owned += role.rules
        elif binding.role_kind in _PLURALS:
            errors.append(f"{resource} {quote(binding.role_name)} not found")
        else:
            errors.append(unsupported_kind_text(binding.role_kind))
    missing = uncovered(owned, rules)
    if not missing:
        return ""
    text = (
        f"user {quote(user.name)} (groups={quote_list(user.groups)}) is attempting to grant RBAC permissions "
        "not currently held:\n" + "\n".join(missing_text(missing))
    )
    return f"{text}; resolution errors: [{aggregate(errors)}]" if errors else text
