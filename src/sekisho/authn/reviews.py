"""TokenReview and SelfSubjectReview: authentication asked for and shown through the API."""

from __future__ import annotations

from sekisho.api.encoding import copy
from sekisho.api.status import bad_request, internal_error
from sekisho.api.time import format_time
from sekisho.api.types import Object, UserInfo
from sekisho.authn.gate import Gate
from sekisho.authn.interface import AuthnRequest, Identity, Refusal
from sekisho.credentials.tokens import intersect


async def review_token(gate: Gate, review: Object) -> Object:
    """A TokenReview with its status filled in.

    The token goes through all authenticators as a request that has nothing but an Authorization header; what
    it leaves behind (annotations, warnings) is dropped. 400 without a token, 500 when the identity is for
    other audiences than were asked for.
    """
    spec = review.get("spec") or {}
    token = spec.get("token", "")
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    asked = tuple(spec.get("audiences") or gate.audiences)
    headers = [(b"authorization", b"Bearer " + token.encode("utf-8", "surrogateescape"))]
    request = AuthnRequest(headers, path="", audiences=asked or None)
    outcome = gate.allowed(await gate.authenticators.authenticate(request))
    given = review.get("status") or {}
    status: Object = {}
    user = copy(given.get("user") or {})
    accepted = given.get("audiences")
    if isinstance(outcome, Identity):
        if asked and not intersect(asked, outcome.audiences or ()):
            raise internal_error("error validating audiences")
        status["authenticated"] = True
        user = outcome.user.to_object()
        accepted = list(outcome.audiences or ())
    status["user"] = user
    if accepted:
        status["audiences"] = accepted
    error = outcome.reason if isinstance(outcome, Refusal) else given.get("error")
    if error:
        status["error"] = error
    return {**review, "status": status}


def self_subject_review(user: UserInfo, now: float) -> Object:
    """Who the caller is, after impersonation; the body of the request plays no part."""
    return {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": format_time(now)},
        "status": {"userInfo": user.to_object()},
    }
