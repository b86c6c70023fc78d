"""Webhook configurations, admission policies and their bindings.

Who writes a policy that takes parameters has to be able to read them all himself; who binds one, the
parameters that his binding refers to.
"""

from __future__ import annotations

from sekisho.api import status
from sekisho.api.field import ErrorList, Path, forbidden
from sekisho.api.goprint import go_print
from sekisho.api.types import MASTERS, Attributes, GroupVersionKind, Object, UserInfo
from sekisho.registry.kinds.statusmetadata import StatusOnlyStrategy
from sekisho.registry.strategy import Context, Strategy
from sekisho.schema.defaults.admission import (
    set_defaults_policy,
    set_defaults_policy_binding,
    set_defaults_webhooks,
)
from sekisho.schema.validation import admissionpolicy
from sekisho.schema.validation.webhookconfig import validate_webhooks

POLICIES = {
    "validatingadmissionpolicybindings": "validatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings": "mutatingadmissionpolicies.admissionregistration.k8s.io",
}


class _RegistrationStrategy(Strategy):
    repeats_metadata_check = False


class WebhookConfigurationStrategy(_RegistrationStrategy):
    def default(self, obj: Object) -> None:
        set_defaults_webhooks(obj, mutating=self.info.resource.startswith("mutating"))

    def spec_changed(self, new: Object, old: Object) -> bool:
        return bool(new.get("webhooks") != old.get("webhooks"))

    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return validate_webhooks(obj)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return validate_webhooks(new, old)


class _ParameterStrategy(_RegistrationStrategy):
    """`field` of the spec is what the writer needs rights for."""

    field = ""

    async def authorise_create(self, ctx: Context, obj: Object) -> None:
        await self._authorise(ctx, obj, None)

    async def authorise_update(self, ctx: Context, new: Object, old: Object) -> None:
        await self._authorise(ctx, new, old)

    def validate_update(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return self.validate(ctx, new)

    async def _authorise(self, ctx: Context, new: Object, old: Object | None) -> None:
        """422 for parameters that the writer may not read; an object that is not valid is refused for that."""
        wanted = (new.get("spec") or {}).get(self.field)
        if not wanted or MASTERS in ctx.user.groups or self.validate(ctx, new):
            return
        if old is not None and wanted == (old.get("spec") or {}).get(self.field):
            return
        attributes, text = self._question(ctx, new["spec"])
        if not (await ctx.authorizer.authorize(attributes)).allowed:
            kind = GroupVersionKind(self.info.group, self.info.version, self.info.kind)
            error = forbidden(Path("spec").child(self.field), text)
            raise status.invalid(kind, new["metadata"].get("name", ""), [error])

    def _question(self, ctx: Context, spec: Object) -> tuple[Attributes, str]:
        raise NotImplementedError


def _resource_of(ctx: Context, param_kind: Object | None) -> tuple[str, str, str]:
    """Group, version and resource of a kind of parameters; `*` where it is not known."""
    if not param_kind:
        return "*", "*", "*"
    api_version, kind = param_kind.get("apiVersion", ""), param_kind.get("kind", "")
    group, _, version = api_version.rpartition("/")
    for rest in ctx.registry.resources.values():
        if (rest.kind.api_version, rest.info.kind) == (api_version, kind):
            return group, version, rest.info.resource
    return group, version, "*"


def _shown(user: UserInfo) -> str:
    """The user as Go prints a pointer to its struct."""
    extra = {key: list(values) for key, values in sorted(user.extra.items())}
    return f"&{{{user.name} {user.uid} {go_print(list(user.groups))} {go_print(extra)}}}"


class _PolicyStrategy(_ParameterStrategy):
    field = "paramKind"

    def default(self, obj: Object) -> None:
        set_defaults_policy(obj)

    def _question(self, ctx: Context, spec: Object) -> tuple[Attributes, str]:
        param_kind = spec["paramKind"]
        group, version, resource = _resource_of(ctx, param_kind)
        attributes = Attributes(
            user=ctx.user,
            verb="get",
            namespace="*",
            api_group=group,
            api_version=version,
            resource=resource,
            name="*",
        )
        text = (
            f'user {_shown(ctx.user)} must have "get" permission on all objects of the referenced paramKind'
            f" (kind={param_kind['kind']}, apiVersion={param_kind['apiVersion']})"
        )
        return attributes, text


class ValidatingAdmissionPolicyStrategy(_PolicyStrategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return admissionpolicy.validate_validating_policy(obj)


class ValidatingAdmissionPolicyStatusStrategy(StatusOnlyStrategy):
    unconditional_update = False

    def validate_status(self, ctx: Context, new: Object, old: Object) -> ErrorList:
        return admissionpolicy.validate_policy_status(new)


class MutatingAdmissionPolicyStrategy(_PolicyStrategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return admissionpolicy.validate_mutating_policy(obj)


class _BindingStrategy(_ParameterStrategy):
    field = "paramRef"

    def default(self, obj: Object) -> None:
        set_defaults_policy_binding(obj)

    def _question(self, ctx: Context, spec: Object) -> tuple[Attributes, str]:
        reference = spec["paramRef"]
        policy = ctx.registry.lookup(POLICIES[self.info.resource], "", spec.get("policyName", ""))
        group, version, resource = _resource_of(ctx, ((policy or {}).get("spec") or {}).get("paramKind"))
        name = reference.get("name", "")
        verb = "get" if name else "list"
        attributes = Attributes(
            user=ctx.user,
            verb=verb,
            namespace=reference.get("namespace", ""),
            api_group=group,
            api_version=version,
            resource=resource,
            name=name,
        )
        user = _shown(ctx.user)
        text = f'user {user} does not have "{verb}" permission on the object referenced by paramRef'
        return attributes, text


class ValidatingAdmissionPolicyBindingStrategy(_BindingStrategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return admissionpolicy.validate_validating_binding(obj)


class MutatingAdmissionPolicyBindingStrategy(_BindingStrategy):
    def validate(self, ctx: Context, obj: Object) -> ErrorList:
        return admissionpolicy.validate_mutating_binding(obj)
