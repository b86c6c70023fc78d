"""Issuing bound ServiceAccount tokens: `POST .../serviceaccounts/<name>/token`.

Follows pkg/registry/core/serviceaccount/storage/token.go, step by step and in its order, because each step's
refusal has its own text. Decoding, authorization and the namespace's existence are the registry's affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sekisho.api import field, names, status
from sekisho.api.clock import Clock
from sekisho.api.encoding import METADATA_ORDER
from sekisho.api.field import Path
from sekisho.api.goformat import quote
from sekisho.api.random import RandomSource
from sekisho.api.time import format_time
from sekisho.api.types import GroupResource, GroupVersionKind, Object
from sekisho.credentials import tokens
from sekisho.credentials.keys import SigningKey
from sekisho.credentials.tokens import BoundClaims, Ref

KIND = GroupVersionKind("authentication.k8s.io", "v1", "TokenRequest")
DEFAULT_SECONDS = 3600
LEAST_SECONDS = 600
MOST_SECONDS = 1 << 32
ISSUED_CREDENTIAL = "authentication.kubernetes.io/issued-credential-id"
_BINDABLE = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
_RECREATED = (
    "the UID in the bound object reference ({}) does not match the UID in record. "
    "The object might have been deleted and then recreated"
)


class Getter(Protocol):
    """Reads of the watch cache."""

    def get(self, resource: str, namespace: str, name: str) -> Object | None: ...


class Notes(Protocol):
    """What a request leaves behind: warnings for the client, annotations for the audit event."""

    def warn(self, text: str) -> None: ...

    def annotate(self, key: str, value: str) -> None: ...


Validate = Callable[[Object], Awaitable[None]]
"""Validating admission of the filled-in TokenRequest; raises StatusError."""


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """How this cluster issues tokens. `longest` in seconds is --service-account-max-token-expiration, 0 for
    no limit; `extend` is --service-account-extend-token-expiration. `audiences` are the API server's."""

    key: SigningKey
    issuer: str
    audiences: tuple[str, ...]
    lookup: Getter
    clock: Clock
    random: RandomSource
    longest: int = 0
    extend: bool = True

    async def issue(
        self, notes: Notes, namespace: str, name: str, body: Object, validate: Validate | None = None
    ) -> Object:
        """The TokenRequest with its status filled in. Raises upstream's StatusErrors."""
        metadata = dict(body.get("metadata") or {})
        _check_address(metadata, namespace, name)
        account = self._account(metadata, namespace, name)
        now = self.clock.now()
        spec = dict(body.get("spec") or {})
        audiences = tuple(spec.get("audiences") or self.audiences)
        seconds = spec.get("expirationSeconds")
        seconds = DEFAULT_SECONDS if seconds is None else seconds
        ref = spec.get("boundObjectRef")
        metadata |= {
            "name": name,
            "namespace": namespace,
            "uid": account.uid,
            "creationTimestamp": format_time(now),
        }
        request: Object = {
            "kind": KIND.kind,
            "apiVersion": KIND.api_version,
            "metadata": {k: metadata[k] for k in METADATA_ORDER if k in metadata},
            "spec": {"audiences": list(audiences), "expirationSeconds": seconds, "boundObjectRef": ref},
            "status": {"token": "", "expirationTimestamp": None},
        }
        _validate_seconds(seconds)
        if validate is not None:
            await validate(request)
        bound = self._bound(namespace, name, ref)
        if 0 < self.longest < seconds:
            notes.warn(f"requested expiration of {seconds} seconds shortened to {self.longest} seconds")
            seconds = request["spec"]["expirationSeconds"] = self.longest
        claims = self._claims(namespace, account, audiences, seconds, bound, int(now))
        request["status"] = {"token": self._sign(claims), "expirationTimestamp": format_time(now + seconds)}
        notes.annotate(ISSUED_CREDENTIAL, f"JTI={claims.token_id}")
        return request

    def _account(self, metadata: Object, namespace: str, name: str) -> Ref:
        found = self.lookup.get("serviceaccounts", namespace, name)
        if found is None:
            raise status.not_found(GroupResource("", "serviceaccounts"), name)
        uid = found["metadata"].get("uid", "")
        asked = metadata.get("uid")
        if asked and asked != uid:
            raise status.conflict(
                GroupResource(KIND.group, KIND.kind),
                name,
                f"the UID in the token request ({asked}) does not match the UID of the service account ({uid})",
            )
        return Ref(name, uid)

    def _bound(self, namespace: str, account: str, ref: Object | None) -> dict[str, Ref]:
        """Claims about the object the token is to die with: `pod` (and its `node`), `secret` or `node`."""
        if ref is None:
            return {}
        kind = _kind_of(ref)
        resource = _BINDABLE.get(kind.kind) if not kind.group else None
        if resource is None:
            raise status.bad_request(f"cannot bind token to object of type {kind}")
        name = ref.get("name", "")
        found = self._get(resource, "" if kind.kind == "Node" else namespace, name)
        if kind.kind == "Pod" and found.get("spec", {}).get("serviceAccountName") != account:
            raise status.bad_request(
                f"cannot bind token for serviceaccount {quote(account)} "
                "to pod running with different serviceaccount name."
            )
        uid = found["metadata"].get("uid", "")
        if ref.get("uid") and ref["uid"] != uid:
            raise status.conflict(GroupResource("", kind.kind), name, _RECREATED.format(ref["uid"]))
        bound = {kind.kind.lower(): Ref(name, uid)}
        if kind.kind == "Pod" and found["spec"].get("nodeName"):
            bound["node"] = self._node(found["spec"]["nodeName"])
        return bound

    def _node(self, name: str) -> Ref:
        """The node a pod runs on; its name alone when there is no such node."""
        node = self.lookup.get("nodes", "", name)
        return Ref(name, node["metadata"].get("uid", "") if node is not None else "")

    def _get(self, resource: str, namespace: str, name: str) -> Object:
        if not name:
            raise status.bad_request("Name parameter required.")
        if problems := names.path_segment(name):
            raise status.bad_request(f"Name parameter invalid: {quote(name)}: {';'.join(problems)}")
        found = self.lookup.get(resource, namespace, name)
        if found is None:
            raise status.not_found(GroupResource("", resource), name)
        return found

    def _claims(
        self,
        namespace: str,
        account: Ref,
        audiences: Sequence[str],
        seconds: int,
        bound: dict[str, Ref],
        now: int,
    ) -> BoundClaims:
        """Pods get a year under the name of an hour: their clients may not reread the file in time."""
        life, warn_after = seconds, 0
        own = set(audiences) <= set(self.audiences)
        if self.extend and "pod" in bound and seconds == tokens.WARN_ONLY_SECONDS and own:
            life, warn_after = tokens.EXTENDED_SECONDS, now + seconds
        return BoundClaims(
            issuer=self.issuer,
            namespace=namespace,
            account=account,
            audiences=tuple(audiences),
            issued_at=now,
            expires=now + life,
            token_id=self.random.uuid(),
            warn_after=warn_after,
            **bound,
        )

    def _sign(self, claims: BoundClaims) -> str:
        try:
            return tokens.sign_bound(self.key, claims)
        except (ValueError, TypeError) as error:
            raise status.plain_error(f"failed to generate token: {error}") from error


def _check_address(metadata: Object, namespace: str, name: str) -> None:
    given = metadata.get("namespace")
    if given and given != namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    given = metadata.get("name")
    if given and given != name:
        path, text = Path("metadata.name"), "must match the service account name if specified"
        raise status.invalid(KIND, name, [field.invalid(path, given, text)])


def _validate_seconds(seconds: Any) -> None:
    path = Path("spec.expirationSeconds")
    if seconds < LEAST_SECONDS:
        text = "may not specify a duration less than 10 minutes"
    elif seconds > MOST_SECONDS:
        text = "may not specify a duration larger than 2^32 seconds"
    else:
        return
    raise status.invalid(KIND, "", [field.invalid(path, seconds, text)])


def _kind_of(ref: Object) -> GroupVersionKind:
    """schema.FromAPIVersionAndKind: an apiVersion with too many slashes counts as none."""
    api_version, kind = ref.get("apiVersion", ""), ref.get("kind", "")
    group, slash, version = api_version.rpartition("/")
    if api_version in ("", "/") or "/" in group:
        return GroupVersionKind("", "", kind)
    return GroupVersionKind(group if slash else "", version, kind)
