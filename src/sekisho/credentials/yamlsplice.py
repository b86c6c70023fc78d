"""Changing a few entries of a YAML mapping of lists in place, so that the rest of the text stays as it is.

Knows the shape of a kubeconfig: top-level scalars, and top-level lists of mappings that have a `name`. Works
on whole lines; `apply` gives up (None) on any layout where lines do not belong to one entry alone, and the
caller then writes the data anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader without timestamps: a date in somebody's exec arguments stays the text it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}


def load(text: str) -> Any:
    """The data of a text; yaml.YAMLError when it is no YAML."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 -- derives from the safe loader


@dataclass(slots=True)
class Edit:
    """What to change: items to add or replace by their name, items to remove, scalars to set."""

    items: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)
    scalars: dict[str, str] = field(default_factory=dict)


class _GiveUp(Exception):
    pass


def apply(text: str, edit: Edit) -> str | None:
    """The text after the edit, or None where its layout cannot be followed."""
    try:
        for key, value in edit.scalars.items():
            text = _set_scalar(text, key, value)
        for section, item in edit.items.items():
            text = _put_item(text, section, item)
        for section, name in edit.removed.items():
            text = _remove_item(text, section, name)
    except (_GiveUp, yaml.YAMLError):
        return None
    return text


def _root(text: str) -> yaml.MappingNode | None:
    node = yaml.compose(text, Loader=_Loader)
    if node is None:
        return None
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise _GiveUp
    return node


def _find(root: yaml.MappingNode | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    for key_node, value_node in root.value if root else ():
        if key_node.value == key:
            return key_node, value_node
    return None


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    return lines


def _join(lines: list[str]) -> str:
    return "\n".join(lines) + "\n" if lines else ""


def _dumped(value: Any, indent: int = 0) -> list[str]:
    text = yaml.safe_dump(value, sort_keys=False, default_flow_style=False, width=1 << 30)
    return [" " * indent + line for line in text.splitlines()]


def _set_scalar(text: str, key: str, value: str) -> str:
    lines, found = _lines(text), _find(_root(text), key)
    new = _dumped({key: value})[0]
    if found is None:
        return _join([*lines, new])
    key_node, value_node = found
    line = key_node.start_mark.line
    if not isinstance(value_node, yaml.ScalarNode) or _last_line(value_node) != line:
        raise _GiveUp
    rest = lines[line][value_node.end_mark.column :] if value_node.end_mark.line == line else ""
    if rest.strip() and not rest.lstrip().startswith("#"):
        raise _GiveUp
    lines[line] = " " * key_node.start_mark.column + new + rest
    return _join(lines)


def _last_line(node: yaml.Node) -> int:
    """The last line of a node's text; a block collection's own mark lies beyond trailing comments."""
    if isinstance(node, yaml.ScalarNode):
        block = node.style in ("|", ">") and node.end_mark.column == 0
        return int(node.end_mark.line) - (1 if block else 0)
    if getattr(node, "flow_style", False) or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _item_lines(lines: list[str], item: yaml.Node) -> tuple[int, int, int]:
    """First line, line after the last, and the indent of the dash."""
    first = item.start_mark.line
    before = lines[first][: item.start_mark.column]
    if before.strip() != "-":
        raise _GiveUp
    return first, _last_line(item) + 1, before.index("-")


def _name(item: yaml.Node) -> str | None:
    if not isinstance(item, yaml.MappingNode):
        return None
    found = _find(item, "name")
    return str(found[1].value) if found else None


def _is_empty(node: yaml.Node) -> bool:
    return not node.value or (isinstance(node, yaml.ScalarNode) and node.value in ("null", "~"))


def _put_item(text: str, section: str, item: Mapping[str, Any]) -> str:
    lines, found = _lines(text), _find(_root(text), section)
    if found is None:
        return _join([*lines, f"{section}:", *_dumped([dict(item)])])
    key_node, value = found
    if _is_empty(value):
        line = key_node.start_mark.line
        if _last_line(value) != line:
            raise _GiveUp
        indent = key_node.start_mark.column
        lines[line : line + 1] = [" " * indent + f"{section}:", *_dumped([dict(item)], indent)]
        return _join(lines)
    if not isinstance(value, yaml.SequenceNode) or value.flow_style:
        raise _GiveUp
    same = next((node for node in value.value if _name(node) == item["name"]), None)
    first, after, indent = _item_lines(lines, same or value.value[-1])
    lines[first if same else after : after] = _dumped([dict(item)], indent)
    return _join(lines)


def _remove_item(text: str, section: str, name: str) -> str:
    lines, found = _lines(text), _find(_root(text), section)
    if found is None or _is_empty(found[1]):
        return text
    key_node, value = found
    if not isinstance(value, yaml.SequenceNode) or value.flow_style:
        raise _GiveUp
    same = next((node for node in value.value if _name(node) == name), None)
    if same is None:
        return text
    first, after, _ = _item_lines(lines, same)
    del lines[first:after]
    if len(value.value) == 1:
        line = key_node.start_mark.line
        if not lines[line].rstrip().endswith(":"):
            raise _GiveUp
        lines[line] = lines[line].rstrip() + " []"
    return _join(lines)
