"""The flags of `sekisho serve` that choose who may come in and what they may do, with kube-apiserver's names.

Each is called as the field of `sekisho.config.Config` that it sets; what is not given is left to the Config.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sekisho.cli._types import DURATION, PATH, flatten

F = TypeVar("F", bound=Callable[..., Any])


def _flag(name: str, help: str, **more: Any) -> Callable[[F], F]:
    return click.option(name, help=help, **more)


def _file(name: str, help: str) -> Callable[[F], F]:
    return click.option(name, help=help, type=PATH)


def _strings(name: str, help: str) -> Callable[[F], F]:
    """Comma separated, repeatable."""
    return click.option(name, help=help, multiple=True, default=None, callback=flatten)


AUTHENTICATION = (
    _flag(
        "--anonymous-auth",
        "Let requests without a credential in as system:anonymous.  [default: true]",
        type=bool,
    ),
    _flag(
        "--api-audiences",
        "Audiences of this API, comma separated.  [default: the issuers]",
        multiple=True,
        default=None,
        callback=flatten,
    ),
    _file(
        "--authentication-config",
        "An AuthenticationConfiguration: OpenID issuers, claim mappings, anonymous requests. Followed while the "
        "server runs.",
    ),
    _file(
        "--authentication-token-webhook-config-file",
        "A kubeconfig of the server that reviews bearer tokens.",
    ),
    _flag(
        "--authentication-token-webhook-version",
        "The version of TokenReview that is sent: v1 or v1beta1.  [default: v1beta1]",
    ),
    _flag(
        "--authentication-token-webhook-cache-ttl",
        "How long its answers are remembered.  [default: 2m0s]",
        type=DURATION,
    ),
    _file("--client-ca-file", "Whose client certificates count.  [default: the cluster's own CA's]"),
    _flag("--oidc-issuer-url", "The OpenID issuer, https. Its ID tokens are accepted."),
    _flag("--oidc-client-id", "The client that ID tokens must be for."),
    _file("--oidc-ca-file", "Who vouches for the issuer's certificate.  [default: this machine's roots]"),
    _flag("--oidc-username-claim", "The claim that is the user's name.  [default: sub]"),
    _flag(
        "--oidc-username-prefix",
        "What is put before the name; - for nothing.  [default: the issuer and #, nothing for the claim email]",
    ),
    _flag("--oidc-groups-claim", "The claim that holds the user's groups."),
    _flag("--oidc-groups-prefix", "What is put before each group."),
    _strings("--oidc-required-claim", "A claim that must be there with this value: KEY=VALUE. Repeatable."),
    _strings("--oidc-signing-algs", "Accepted signatures, comma separated.  [default: RS256]"),
    _file(
        "--requestheader-client-ca-file",
        "Whose certificates front proxies show.  [default: the cluster's front-proxy CA]",
    ),
    _strings(
        "--requestheader-allowed-names",
        "Common names of front proxies, comma separated.  [default: front-proxy-client; any with a CA file of "
        "your own]",
    ),
    _strings(
        "--requestheader-username-headers", "Headers that may hold the user's name.  [default: X-Remote-User]"
    ),
    _strings("--requestheader-uid-headers", "Headers that may hold the user's uid. Suggested: X-Remote-Uid."),
    _strings("--requestheader-group-headers", "Headers that hold groups.  [default: X-Remote-Group]"),
    _strings(
        "--requestheader-extra-headers-prefix", "Beginnings of extra headers.  [default: X-Remote-Extra-]"
    ),
    _file("--token-auth-file", 'Static bearer tokens, a CSV file: token,user,uid[,"group1,group2"].'),
    _flag(
        "--enable-bootstrap-token-auth/--no-enable-bootstrap-token-auth",
        "Accept bootstrap tokens kept in kube-system.",
        default=False,
        show_default=True,
    ),
)

SERVICE_ACCOUNTS = (
    _flag(
        "--legacy-service-account-token-clean-up-period",
        "How long a token Secret that was made automatically must be unused to be marked invalid, and then to be "
        "deleted. Only with --token-secrets=manual.  [default: 8760h0m0s]",
        type=DURATION,
    ),
    _flag(
        "--service-account-issuer",
        "Issuer of ServiceAccount tokens. Repeatable: the first signs, all are accepted.  "
        "[default: https://kubernetes.default.svc.cluster.local]",
        multiple=True,
    ),
    _flag(
        "--service-account-key-file",
        "Further keys that ServiceAccount tokens are checked with (PEM, public or private). Repeatable; followed "
        "while the server runs.",
        multiple=True,
        type=PATH,
    ),
    _file(
        "--service-account-signing-key-file",
        "The key that signs ServiceAccount tokens; followed while the server runs.  [default: sa.key]",
    ),
    _flag("--service-account-jwks-uri", "Where the discovery document says that the keys are; https."),
    _flag(
        "--service-account-lookup",
        "Whether tokens from Secrets must still be in their Secret.  [default: true]",
        type=bool,
    ),
    _flag(
        "--service-account-max-token-expiration",
        "The longest life of a requested token, from 1h.  [default: no limit]",
        type=DURATION,
    ),
    _flag(
        "--service-account-extend-token-expiration",
        "Whether the tokens that Pods get live for a year, for clients that do not read them again.  "
        "[default: true]",
        type=bool,
    ),
)

AUTHORIZATION = (
    _strings(
        "--authorization-mode",
        "Authorizers in the order they are asked: AlwaysAllow, AlwaysDeny, ABAC, Node, RBAC, Webhook.  "
        "[default: Node,RBAC]",
    ),
    _file(
        "--authorization-config",
        "An AuthorizationConfiguration, in the place of --authorization-mode and the webhook's flags. Followed "
        "while the server runs.",
    ),
    _file("--authorization-policy-file", "The policies of ABAC, one JSON object a line."),
    _file("--authorization-webhook-config-file", "A kubeconfig of the server that answers access reviews."),
    _flag(
        "--authorization-webhook-version",
        "The version of SubjectAccessReview that is sent: v1 or v1beta1.  [default: v1beta1]",
    ),
    _flag(
        "--authorization-webhook-cache-authorized-ttl",
        "How long it is remembered that the webhook allowed.  [default: 5m0s]",
        type=DURATION,
    ),
    _flag(
        "--authorization-webhook-cache-unauthorized-ttl",
        "How long it is remembered that the webhook did not allow.  [default: 30s]",
        type=DURATION,
    ),
    _strings(
        "--authorization-dry-run",
        "Soft mode: let would-be denials through, with a warning, for a namespace, user:NAME, group:NAME or "
        "serviceaccount:NAMESPACE:NAME. For finding missing permissions, never for production. Repeatable.",
    ),
)

SERVING = (
    _file("--tls-cert-file", "The serving certificate and its chain.  [default: apiserver.crt of --pki-dir]"),
    _file("--tls-private-key-file", "Its key. Both are followed while the server runs."),
    _file(
        "--admission-control-config-file",
        "An AdmissionConfiguration: how admission plugins are set up, PodSecurity among them.",
    ),
)


def options(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[F], F]:
    """Decorate a command with groups of flags, in their order."""

    def decorate(command: F) -> F:
        for group in reversed(groups):
            for option in reversed(group):
                command = option(command)
        return command

    return decorate


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """Those flags that somebody gave."""
    return {name: value for name, value in flags.items() if value is not None and value != ()}
