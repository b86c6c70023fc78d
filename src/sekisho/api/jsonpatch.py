"""JSON patch (RFC 6902) as upstream's library applies it (evanphx/json-patch, version 4).

Where that library is laxer than the RFC, so is this: a negative index counts from the end, `replace` makes
a key that is missing, `copy` of a missing key gives null, and `test` of a missing key holds for null. Its own
error texts never reach the client: upstream answers every failure with the same 422.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from sekisho.api import status
from sekisho.api.encoding import copy, encode
from sekisho.api.goformat import quote

MAX_OPERATIONS = 10000
MAX_COPIED = 3 * 1024 * 1024
"""Bytes of JSON that all copy operations of a patch may add."""

Operation = dict[str, Any]
Parse = Callable[[bytes], tuple[Any, list[str]]]

_INDEX = re.compile("[+-]?[0-9]{1,18}")
_FIELDS = ("op", "from", "path", "value")
_TEXTS = ("op", "from", "path")


def _parse(data: bytes) -> tuple[Any, list[str]]:
    return orjson.loads(data), []


def decode(data: bytes, parse: Parse = _parse) -> tuple[list[Operation], list[str]]:
    """The operations of a request body, and what strict decoding complains about.

    `parse` reads JSON and names duplicate keys; its ValueError's text goes to the client. Raises 400 when
    the body is no list of operations.
    """
    try:
        value, problems = parse(data)
    except ValueError as error:
        raise status.bad_request(f"error decoding patch: {error}")
    operations = _operations(value)
    problems = [f"json patch {problem}" for problem in problems]
    for i, operation in enumerate(operations):
        problems += [
            f"json patch unknown field {quote(f'[{i}].{key}')}" for key in operation if key not in _FIELDS
        ]
    return operations, problems


def _operations(value: Any) -> list[Operation]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _undecodable(value, "value of type []handlers.jsonPatchOp")
    for operation in value:
        if operation is None:
            continue
        if not isinstance(operation, dict):
            raise _undecodable(operation, "value of type handlers.jsonPatchOp")
        for key in _TEXTS:
            if not isinstance(operation.get(key), str | None):
                raise _undecodable(operation[key], f"struct field jsonPatchOp.{key} of type string")
    return [operation or {} for operation in value]


def _undecodable(value: Any, target: str) -> status.StatusError:
    words = {bool: "bool", str: "string", list: "array", dict: "object"}
    word = words.get(type(value), "number")
    return status.bad_request(f"error decoding patch: json: cannot unmarshal {word} into Go {target}")


class _FailedError(Exception):
    """An operation that does not apply."""


def apply_json_patch(doc: Any, operations: list[Operation]) -> Any:
    """A new document with all operations applied in order; the inputs are left alone.

    Raises 413 for more than 10000 operations, and upstream's generic 422 when one of them does not apply.
    """
    if len(operations) > MAX_OPERATIONS:
        raise status.request_entity_too_large(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        )
    run = _Run(copy(doc))
    try:
        for operation in operations:
            run.apply(operation)
    except _FailedError:
        raise status.generic_invalid()
    return run.root


class _Run:
    """One patch at work on its own copy of the document."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.copied = 0

    def apply(self, operation: Operation) -> None:
        step = _STEPS.get(operation.get("op") or "")
        if step is None:
            raise _FailedError
        step(self, operation)

    def add(self, operation: Operation) -> None:
        self._put(operation, copy(operation.get("value")))

    def remove(self, operation: Operation) -> None:
        _remove(*self._find(operation, "path"))

    def replace(self, operation: Operation) -> None:
        value = copy(operation.get("value"))
        if operation.get("path") == "":
            if not isinstance(value, dict | list):
                raise _FailedError
            self.root = value
            return
        holder, key = self._find(operation, "path")
        if isinstance(holder, dict):
            holder[key] = value
        else:
            holder[_index(key, len(holder))] = value

    def move(self, operation: Operation) -> None:
        holder, key = self._find(operation, "from")
        value = _get(holder, key)
        _remove(holder, key)
        self._put(operation, value)

    def copy(self, operation: Operation) -> None:
        value = _get(*self._find(operation, "from"))
        self._find(operation, "path")
        if value is not None:
            self.copied += len(encode(value))
        if self.copied > MAX_COPIED:
            raise _FailedError
        self._put(operation, copy(value))

    def test(self, operation: Operation) -> None:
        if operation.get("path") == "":
            found = self.root
        else:
            found = _get(*self._find(operation, "path"))
        if not same(found, operation.get("value")):
            raise _FailedError

    def _put(self, operation: Operation, value: Any) -> None:
        holder, key = self._find(operation, "path")
        if isinstance(holder, dict):
            holder[key] = value
        elif key == "-":
            holder.append(value)
        else:
            holder.insert(_index(key, len(holder) + 1), value)

    def _find(self, operation: Operation, field: str) -> tuple[Any, str]:
        """The object or list that holds what a pointer names, and its key there."""
        pointer = operation.get(field)
        parts = pointer.split("/") if isinstance(pointer, str) else []
        if len(parts) < 2:
            raise _FailedError
        keys = [part.replace("~1", "/").replace("~0", "~") for part in parts[1:]]
        holder = self.root
        for key in keys[:-1]:
            holder = _get(holder, key)
            if not isinstance(holder, dict | list):
                raise _FailedError
        return holder, keys[-1]


_STEPS: dict[str, Callable[[_Run, Operation], None]] = {
    "add": _Run.add,
    "remove": _Run.remove,
    "replace": _Run.replace,
    "move": _Run.move,
    "copy": _Run.copy,
    "test": _Run.test,
}


def _get(holder: Any, key: str) -> Any:
    """A missing key of an object reads as null; an index out of range fails."""
    return holder.get(key) if isinstance(holder, dict) else holder[_index(key, len(holder))]


def _remove(holder: Any, key: str) -> None:
    if isinstance(holder, list):
        del holder[_index(key, len(holder))]
    elif key in holder:
        del holder[key]
    else:
        raise _FailedError


def _index(key: str, length: int) -> int:
    """An index as Go's Atoi reads it, below `length`; negative ones count from there."""
    if not _INDEX.fullmatch(key):
        raise _FailedError
    index = int(key)
    if not -length <= index < length:
        raise _FailedError
    return index + length if index < 0 else index


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values in which `1`, `1.0` and `true` are three."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
