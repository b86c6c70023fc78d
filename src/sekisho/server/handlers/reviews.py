"""Kinds that are only created: who am I, whose token is this, may this be, and tokens asked for.

They are installed on the registry, so that in-process clients reach them as HTTP clients do.
"""

from __future__ import annotations

from sekisho.api.types import GroupVersionKind, Object
from sekisho.authz import reviews
from sekisho.registry import metadata as meta
from sekisho.registry.creating import create_options_object, track
from sekisho.registry.options import WriteOptions
from sekisho.registry.registry import Registry
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.strategy import Context

AUTHORIZATION = "authorization.k8s.io"
ACCESS_REVIEWS = {
    "subjectaccessreviews": "SubjectAccessReview",
    "selfsubjectaccessreviews": "SelfSubjectAccessReview",
    "localsubjectaccessreviews": "LocalSubjectAccessReview",
}


class VirtualKind(Subresource):
    """A kind that is answered and not stored; it is tracked and admitted as if it were."""

    def __init__(self, registry: Registry, group: str, kind: str) -> None:
        gvk = GroupVersionKind(group, "v1", kind)
        super().__init__(gvk, registry.types.for_kind(gvk))

    async def create(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        meta.check_namespace(rest, ctx, obj["metadata"])
        track(rest, ctx, None, obj)
        options_object = create_options_object(ctx, options)
        await rest.registry.admission.admit(ctx, rest, "CREATE", obj, None, options_object)
        answer = await self.answer(ctx, obj)
        await rest.registry.admission.validate(ctx, rest, "CREATE", obj, None, options_object)
        return Answer(answer, created=True)

    async def answer(self, ctx: Context, obj: Object) -> Object:
        """The object with its status filled in. Raises StatusError."""
        raise NotImplementedError


class AccessReview(VirtualKind):
    async def answer(self, ctx: Context, obj: Object) -> Object:
        return await reviews.review(ctx.authorizer, self.kind.kind, obj, ctx.user)


class RulesReview(VirtualKind):
    async def answer(self, ctx: Context, obj: Object) -> Object:
        return await reviews.rules_review(ctx.authorizer, obj, ctx.user)


def install(registry: Registry) -> None:
    for resource, kind in ACCESS_REVIEWS.items():
        registry.install(AUTHORIZATION, resource, AccessReview(registry, AUTHORIZATION, kind))
    rules = RulesReview(registry, AUTHORIZATION, "SelfSubjectRulesReview")
    registry.install(AUTHORIZATION, "selfsubjectrulesreviews", rules)
