"""Request bodies in JSON and YAML: bytes into values, and values into objects of the endpoint's kind.

The steps are apart because their mistakes are answered apart: `decode_body` reads and recognises the kind,
`conform` decodes into it, `strict_error` refuses what a strict client does not want dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sekisho.api.status import StatusError, bad_request
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema import builtin, jsonbody, recognition
from sekisho.schema.decode import DecodeError, decode
from sekisho.schema.jsonbody import BodyError, parse_json
from sekisho.schema.jsonvalue import normalize
from sekisho.schema.recognition import UnrecognizedError, not_handled, unrecognized
from sekisho.schema.walk import describe

__all__ = [
    "BodyError",
    "conform",
    "decode_body",
    "decode_delete_options",
    "merge_problems",
    "parse_json",
    "parse_yaml",
    "strict_error",
    "strict_text",
]

YAML = "application/yaml"

_YAML_PROBLEM = re.compile(r"line \d+: ")
_EVICTION = {("policy", "v1beta1")}
"""Versions of Eviction that upstream's endpoint takes besides its own."""
_DELETE_OPTIONS = GroupVersionKind("meta.k8s.io", "v1", "DeleteOptions")


def decode_body(data: bytes, media_type: str, kind: GroupVersionKind) -> tuple[Object, list[str]]:
    """Read a body that should be of `kind`: (its value, problems of its text that only strict clients mind).

    The value is not decoded yet. Objects in the value of a built-in kind may have repeated keys, which
    `conform` reports; those of a custom kind are among the problems, and its value is plain. YAML's repeated
    keys are always among the problems. Raises StatusError 400 with upstream's texts when the body is neither
    JSON nor YAML, claims another kind, or another version (`the API version in the data (...)`). A custom kind
    must be named; that it is the right one is left to validation.
    """
    try:
        value, problems = _load(data, media_type)
        claimed = recognition.claimed_kind(value)
    except BodyError as error:
        prefix = "" if media_type == YAML else "couldn't get version/kind; json parse error: "
        raise unrecognized(kind, f"{prefix}{error}", data)
    except UnrecognizedError as error:
        raise unrecognized(kind, error, data)
    if not builtin.is_builtin_group(kind.group):
        recognition.check_custom_kind(claimed, kind, data)
        return normalize(value), problems + jsonbody.duplicates(value)
    actual = recognition.with_defaults(claimed, kind)
    if kind.kind == "Eviction" and actual[:2] in _EVICTION:
        actual = kind
    recognition.check_kind(actual, kind, value, data)
    return value or {}, problems


def _load(data: bytes, media_type: str) -> tuple[Any, list[str]]:
    if media_type != YAML:
        return jsonbody.load(data), []
    # PyYAML is slow to import and most servers never see YAML.
    from sekisho.schema import yamlbody

    return yamlbody.load(data)


def conform(
    raw: Object, typed: Callable[[Object], tuple[Object, list[str]]], kind: GroupVersionKind
) -> tuple[Object, list[str]]:
    """`typed(raw)`, with its DecodeError as the 400 that upstream answers."""
    try:
        return typed(raw)
    except DecodeError as error:
        raise not_handled(kind, kind, error)


def merge_problems(first: list[str], second: list[str]) -> list[str]:
    """Strict decoding errors of two steps, each text once."""
    return [*first, *(problem for problem in second if problem not in first)]


def strict_text(problems: list[str]) -> str:
    """Strict decoding errors in one line of upstream's; YAML's repeated keys are one error with several
    lines.

    As warnings the problems go out one by one, just as they are."""
    lines = [p for p in problems if _YAML_PROBLEM.match(p)]
    others = [p for p in problems if not _YAML_PROBLEM.match(p)]
    if lines:
        others.insert(0, "yaml: unmarshal errors:\n  " + "\n  ".join(lines))
    return ", ".join(others)


def strict_error(raw: Object, kind: GroupVersionKind, problems: list[str]) -> StatusError:
    """The 400 for `fieldValidation=Strict` on POST and PUT."""
    return not_handled(kind, kind, f"strict decoding error: {strict_text(problems)}")


def parse_yaml(data: bytes) -> tuple[Any, list[str]]:
    """The body of an apply patch, YAML or JSON: (object, `line 7: key "k" already set in map` per repeated
    key).

    An empty text is an empty object. Raises BodyError with the message of sigs.k8s.io/yaml."""
    try:
        value, problems = _load(data, YAML)
    except BodyError as error:
        raise BodyError(f"error converting YAML to JSON: {error}") from None
    if value is not None and not isinstance(value, dict):
        raise BodyError(
            "error unmarshaling JSON: while decoding JSON: "
            f"json: cannot unmarshal {describe(value)} into Go value of type map[string]interface {{}}"
        )
    return normalize(value or {}), problems


def decode_delete_options(data: bytes, media_type: str) -> Object:
    """A DeleteOptions body of any group and version; unknown fields are dropped. Raises StatusError 400."""
    kind = _DELETE_OPTIONS
    try:
        value, _ = _load(data, media_type)
        actual = recognition.with_defaults(recognition.claimed_kind(value), kind)
        if actual.kind != kind.kind:
            raise UnrecognizedError(recognition.not_registered(actual, recognition.META_SCHEME))
        options, _ = decode(builtin.builtin_types().for_kind(kind), value)
    except BodyError as error:
        prefix = "" if media_type == YAML else "couldn't get version/kind; json parse error: "
        raise bad_request(f"{prefix}{error}")
    except (UnrecognizedError, DecodeError) as error:
        raise bad_request(str(error))
    result: Object = options
    return result
