"""Small checks that many kinds share, in upstream's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sekisho.api import names
from sekisho.api.field import ErrorList, Path, invalid, not_supported, required
from sekisho.api.quantity import Quantity

NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
IMMUTABLE = "field is immutable"

Rule = Callable[[str], list[str]]


def problems(path: Path, value: Any, messages: Iterable[str]) -> ErrorList:
    """One Invalid a message."""
    return [invalid(path, value, message) for message in messages]


def checked(path: Path, value: str, rule: Rule) -> ErrorList:
    """`value` under one of the rules of `names`."""
    messages = rule(value)
    return problems(path, value, messages) if messages else []


def label_errors(path: Path, value: str) -> ErrorList:
    return checked(path, value, names.dns1123_label)


def subdomain_errors(path: Path, value: str) -> ErrorList:
    return checked(path, value, names.dns1123_subdomain)


def qualified_name_errors(path: Path, value: str) -> ErrorList:
    return checked(path, value, names.qualified_name)


def required_name(path: Path, value: str, rule: Rule) -> ErrorList:
    """A name that must be there and follow the rule."""
    return checked(path, value, rule) if value else [required(path)]


def one_of(path: Path, value: str, supported: tuple[str, ...]) -> ErrorList:
    """A word that must be there and be one of `supported`, which the message lists in this order."""
    if value in supported:
        return []
    return [not_supported(path, value, supported)] if value else [required(path)]


def not_negative(path: Path, value: int) -> ErrorList:
    return [] if value >= 0 else [invalid(path, value, NEGATIVE)]


def positive(path: Path, value: int) -> ErrorList:
    return [] if value > 0 else [invalid(path, value, NOT_POSITIVE)]


def quantity_not_negative(path: Path, quantity: Quantity) -> ErrorList:
    return [] if quantity.sign >= 0 else [invalid(path, str(quantity), NEGATIVE)]


def quantity_positive(path: Path, quantity: Quantity) -> ErrorList:
    return [] if quantity.sign > 0 else [invalid(path, str(quantity), NOT_POSITIVE)]


def immutable(path: Path, new: Any, old: Any) -> ErrorList:
    return [] if new == old else [invalid(path, new, IMMUTABLE)]


def port_or_name(path: Path, port: int | str) -> ErrorList:
    """A port by number, or by the name it has in a container."""
    if isinstance(port, str):
        return checked(path, port, names.port_name)
    return problems(path, port, names.port_number(port))


def local_path(path: Path, value: str) -> ErrorList:
    """A path that stays below where it starts: relative, without `..`."""
    errors = [invalid(path, value, "must be a relative path")] if value.startswith("/") else []
    return errors + no_backsteps(path, value)


def local_file_path(path: Path, value: str) -> ErrorList:
    """As `local_path`, and no name that begins with `..`: the kubelet keeps those for itself."""
    errors = local_path(path, value)
    if value.startswith("..") and not value.startswith("../"):
        errors.append(invalid(path, value, "must not start with '..'"))
    return errors


def no_backsteps(path: Path, value: str) -> ErrorList:
    if ".." in value and ".." in value.split("/"):
        return [invalid(path, value, "must not contain '..'")]
    return []


def label_value_problem(path: Path, value: str) -> ErrorList:
    """A label's value, all that is wrong with it in one error."""
    messages = names.label_value(value)
    return [invalid(path, value, ";".join(messages))] if messages else []
