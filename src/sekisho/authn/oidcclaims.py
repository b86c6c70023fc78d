"""From the claims of a verified ID token to a user: mappings and rules, by claim name or by expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sekisho.api.goformat import quote
from sekisho.api.types import UserInfo
from sekisho.authn.authentication_config import JWTConfig
from sekisho.authn.interface import CREDENTIAL_ID
from sekisho.schema import cel
from sekisho.schema.cel import EvaluationError, Program, Shape

Claims = Mapping[str, Any]


class ClaimsError(ValueError):
    """Why the claims make no user; the text follows `oidc: `."""


class ClaimsMapper:
    """One issuer's mappings and rules, compiled once."""

    def __init__(self, config: JWTConfig) -> None:
        """The configuration must be valid. CELUnavailable when it has expressions and they cannot be run."""
        self._config = config
        expressions = [config.username.expression, config.groups.expression, config.uid.expression]
        expressions += [e.value_expression for e in config.extra]
        expressions += [r.expression for r in config.claim_rules]
        claims = cel.Environment({"claims": Shape.OBJECT}) if any(expressions) else None
        users = cel.Environment({"user": Shape.OBJECT}) if config.user_rules else None
        self._programs: dict[str, Program] = {}
        for text in expressions:
            if text and claims is not None:
                self._programs[text] = claims.compile(text)
        self._user_programs = [users.compile(r.expression) for r in config.user_rules] if users else []

    def user(self, claims: Claims) -> UserInfo:
        """ClaimsError with upstream's text when a mapping fails or a rule is not kept."""
        name = self._username(claims)
        groups = self._groups(claims)
        uid = self._uid(claims)
        extra = self._extra(claims)
        self._check_required(claims)
        self._check_claim_rules(claims)
        user = UserInfo(name, uid, groups, extra)
        self._check_user_rules(user)
        return user

    def _evaluate(self, text: str, claims: Claims) -> Any:
        try:
            return self._programs[text].evaluate({"claims": dict(claims)})
        except EvaluationError as error:
            raise ClaimsError(f"error evaluating expression '{text}': {error}") from None

    def _username(self, claims: Claims) -> str:
        mapping = self._config.username
        if mapping.expression:
            value = self._evaluate(mapping.expression, claims)
            if not isinstance(value, str):
                raise ClaimsError("username claim expression must return a string")
            if not value:
                raise ClaimsError("empty username via CEL expression is not allowed")
            return value
        name = _text_claim(claims, mapping.claim, "username claims")
        if mapping.claim == "email" and "email_verified" in claims:
            verified = claims["email_verified"]
            if not isinstance(verified, bool):
                raise ClaimsError(
                    "parse 'email_verified' claim: json: cannot unmarshal into Go value of type bool"
                )
            if not verified:
                raise ClaimsError("email not verified")
        return (mapping.prefix or "") + name

    def _groups(self, claims: Claims) -> tuple[str, ...]:
        mapping = self._config.groups
        if mapping.expression:
            return _strings(self._evaluate(mapping.expression, claims), "groups claim")
        if not mapping.claim or mapping.claim not in claims:
            return ()
        value = claims[mapping.claim]
        listed = [value] if isinstance(value, str) else value
        if listed is None:
            return ()
        if not isinstance(listed, list) or not all(isinstance(g, str) for g in listed):
            text = "json: cannot unmarshal into Go value of type string"
            raise ClaimsError(f"parse groups claim {quote(mapping.claim)}: {text}")
        return tuple((mapping.prefix or "") + g for g in listed)

    def _uid(self, claims: Claims) -> str:
        mapping = self._config.uid
        if mapping.expression:
            value = self._evaluate(mapping.expression, claims)
            if not isinstance(value, str):
                raise ClaimsError("uid claim expression must return a string")
            return value
        return _text_claim(claims, mapping.claim, "uid claim") if mapping.claim else ""

    def _extra(self, claims: Claims) -> dict[str, tuple[str, ...]]:
        extra: dict[str, tuple[str, ...]] = {}
        token_id = claims.get("jti")
        if isinstance(token_id, str) and token_id:
            extra[CREDENTIAL_ID] = (f"JTI={token_id}",)
        for mapping in self._config.extra:
            values = _strings(self._evaluate(mapping.value_expression, claims), "extra claim")
            if values:
                extra[mapping.key] = values
        return extra

    def _check_required(self, claims: Claims) -> None:
        for rule in self._config.claim_rules:
            if not rule.claim:
                continue
            if rule.claim not in claims:
                raise ClaimsError(f"required claim {rule.claim} not present in ID token")
            value = claims[rule.claim]
            if not isinstance(value, str):
                raise ClaimsError(
                    f"parse claim {rule.claim}: json: cannot unmarshal into Go value of type string"
                )
            if value != rule.required_value:
                wanted = f"Got = {value}, want = {rule.required_value}"
                raise ClaimsError(f"required claim {rule.claim} value does not match. {wanted}")

    def _check_claim_rules(self, claims: Claims) -> None:
        for rule in self._config.claim_rules:
            if not rule.expression:
                continue
            prefix = "error evaluating claim validation expression: "
            if self._evaluate(rule.expression, claims) is not True:
                text = rule.message or "claim validation rule not satisfied"
                raise ClaimsError(f"{prefix}validation expression '{rule.expression}' failed: {text}")

    def _check_user_rules(self, user: UserInfo) -> None:
        if not self._user_programs:
            return
        shown: dict[str, Any] = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
        shown["extra"] = {k: list(v) for k, v in user.extra.items()}
        for rule, program in zip(self._config.user_rules, self._user_programs, strict=True):
            prefix = "error evaluating user info validation rule: "
            try:
                kept = program.evaluate({"user": shown})
            except EvaluationError as error:
                raise ClaimsError(f"{prefix}{error}") from None
            if kept is not True:
                text = rule.message or "user validation rule not satisfied"
                raise ClaimsError(f"{prefix}validation expression '{rule.expression}' failed: {text}")


def _text_claim(claims: Claims, name: str, what: str) -> str:
    if name not in claims:
        raise ClaimsError(f"parse {what} {quote(name)}: claim not present")
    value = claims[name]
    if not isinstance(value, str):
        raise ClaimsError(f"parse {what} {quote(name)}: json: cannot unmarshal into Go value of type string")
    return value


def _strings(value: Any, what: str) -> tuple[str, ...]:
    """An expression's string, list of strings or null, without empty strings."""
    listed = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(v, str) for v in listed):
        raise ClaimsError(f"{what} expression must return a string or a list of strings")
    return tuple(v for v in listed if v)
