"""Kinds that are only created: who am I, whose token is this, may this be, and tokens asked for.

They are installed on the registry, so that in-process clients reach them as HTTP clients do.
"""

from __future__ import annotations

from dataclasses import replace

from sekisho.api.types import GroupVersionKind, Object
from sekisho.authn.gate import Gate
from sekisho.authn.reviews import review_token, self_subject_review
from sekisho.authz import reviews
from sekisho.credentials.tokenrequest import TokenIssuer
from sekisho.registry import metadata as meta
from sekisho.registry.creating import create_options_object, track
from sekisho.registry.options import WriteOptions
from sekisho.registry.registry import Registry
from sekisho.registry.rest import Answer, Rest, Subresource
from sekisho.registry.strategy import Context

AUTHENTICATION = "authentication.k8s.io"
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


class TokenReview(VirtualKind):
    """Whose token is this: the token goes through the whole authenticator."""

    def __init__(self, registry: Registry, gate: Gate) -> None:
        super().__init__(registry, AUTHENTICATION, "TokenReview")
        self._gate = gate

    async def answer(self, ctx: Context, obj: Object) -> Object:
        return await review_token(self._gate, obj)


class SelfSubjectReview(VirtualKind):
    async def answer(self, ctx: Context, obj: Object) -> Object:
        return self_subject_review(ctx.user, ctx.clock.now())


class TokenRequest(Subresource):
    """`serviceaccounts/token`: a token for an account, bound as the body asks."""

    def __init__(self, registry: Registry, issuer: TokenIssuer) -> None:
        gvk = GroupVersionKind(AUTHENTICATION, "v1", "TokenRequest")
        super().__init__(gvk, registry.types.for_kind(gvk))
        self._issuer = issuer

    async def create(self, rest: Rest, ctx: Context, obj: Object, options: WriteOptions) -> Answer:
        meta.check_namespace(rest, ctx, obj["metadata"])
        options_object = create_options_object(ctx, options)
        view = replace(rest, subresource="token")
        admission = rest.registry.admission
        await admission.admit(ctx, view, "CREATE", obj, None, options_object)

        async def validate(request: Object) -> None:
            await admission.validate(ctx, view, "CREATE", request, None, options_object)

        answer = await self._issuer.issue(ctx, ctx.namespace, ctx.name, obj, validate)
        return Answer(answer, created=True)


def install(registry: Registry, gate: Gate, issuer: TokenIssuer) -> None:
    for resource, kind in ACCESS_REVIEWS.items():
        registry.install(AUTHORIZATION, resource, AccessReview(registry, AUTHORIZATION, kind))
    rules = RulesReview(registry, AUTHORIZATION, "SelfSubjectRulesReview")
    registry.install(AUTHORIZATION, "selfsubjectrulesreviews", rules)
    registry.install(AUTHENTICATION, "tokenreviews", TokenReview(registry, gate))
    itself = SelfSubjectReview(registry, AUTHENTICATION, "SelfSubjectReview")
    registry.install(AUTHENTICATION, "selfsubjectreviews", itself)
    registry.install("", "serviceaccounts", TokenRequest(registry, issuer), "token")
