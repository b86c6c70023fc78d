"""YAML texts into JSON values, as sigs.k8s.io/yaml and the go-yaml v2 inside it read them.

libyaml (through PyYAML) splits the text into events, as go-yaml's port of it does; what a plain scalar
means, how aliases and merge keys work, which keys repeat and how all of it becomes JSON is done here.
Objects come out with sorted keys, because upstream goes through Go maps. Only the first document of a text
counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from sekisho.api.goformat import quote
from sekisho.schema.gobase64 import CorruptInputError, decode_base64
from sekisho.schema.jsonbody import MAX_DEPTH, BodyError
from sekisho.schema.jsonvalue import Literal, go_number

_LONG = "tag:yaml.org,2002:"
_STR, _BOOL, _INT, _FLOAT, _NULL, _TIMESTAMP, _BINARY, _MERGE = (
    _LONG + name for name in ("str", "bool", "int", "float", "null", "timestamp", "binary", "merge")
)
_RESOLVABLE = frozenset({"", _STR, _BOOL, _INT, _FLOAT, _NULL, _TIMESTAMP})

_YES = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_NO = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_WORDS: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(_YES, (_BOOL, True)),
    **dict.fromkeys(_NO, (_BOOL, False)),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], (_NULL, None)),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], (_FLOAT, math.nan)),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], (_FLOAT, math.inf)),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], (_FLOAT, -math.inf)),
}
_PLAIN_START = frozenset("+-.0123456789yYnNtTfFoO~")
_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_BASES = (16, 2, 8, 10)
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9]+([eE][-+]?[0-9]+)?")

_FREE_ALIASES, _FREE_STEPS = 100, 1000
_LOW_STEPS, _HIGH_STEPS = 400_000, 4_000_000


class _Node:
    """A node of the document: a scalar (`children` None), a sequence, a mapping or an alias."""

    __slots__ = ("children", "implicit", "kind", "line", "tag", "target", "value")

    def __init__(self, kind: str, line: int, tag: str = "", value: str = "", implicit: bool = False) -> None:
        self.kind = kind
        self.line = line
        self.tag = tag
        self.value = value
        self.implicit = implicit
        self.children: list[_Node] = []
        self.target: _Node | None = None


def load(data: bytes) -> tuple[Any, list[str]]:
    """The value of the first document, and what is said of keys that repeat: `line 5: key "a" already set
    in map`. The last of repeated values counts. Raises BodyError with the message of go-yaml (`yaml:
    ...`)."""
    root = _parse(data)
    if root is None:
        return None, []
    decoder = _Decoder()
    return _to_json(decoder.value(root)), decoder.problems


def _parse(data: bytes) -> _Node | None:
    try:
        return _document(yaml.parse(data, Loader=yaml.CSafeLoader))
    except yaml.reader.ReaderError as error:
        raise BodyError(f"yaml: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        raise BodyError(f"yaml: {_where(error)}{error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BodyError("yaml: unknown problem parsing YAML content") from None


def _where(error: yaml.MarkedYAMLError) -> str:
    """go-yaml counts lines from 0 except in errors of its scanner, and leaves a 0 away."""
    line = 0
    if error.problem_mark is not None and error.problem_mark.line:
        line = error.problem_mark.line + isinstance(error, yaml.scanner.ScannerError)
    elif error.context_mark is not None:
        line = error.context_mark.line
    return f"line {line}: " if line else ""


def _document(events: Iterator[yaml.Event]) -> _Node | None:
    anchors: dict[str, _Node] = {}
    top = _Node("document", 0)
    open_nodes = [top]
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            return top.children[0]
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event, anchors)
            open_nodes[-1].children.append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(node)
                if len(open_nodes) > MAX_DEPTH:
                    raise BodyError(f"yaml: line {node.line + 1}: exceeded max depth of 10000")
    return None


def _node(event: yaml.NodeEvent, anchors: dict[str, _Node]) -> _Node:
    line = event.start_mark.line if event.start_mark is not None else 0
    if isinstance(event, yaml.AliasEvent):
        node = _Node("alias", line, value=event.anchor or "")
        node.target = anchors.get(node.value)
        if node.target is None:
            raise BodyError(f"yaml: unknown anchor '{event.anchor}' referenced")
        return node
    if isinstance(event, yaml.ScalarEvent):
        node = _Node("scalar", line, event.tag or "", event.value, event.implicit[0])
    else:
        node = _Node("mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence", line)
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node


Key = tuple[type, Any]
"""A key with its type: Go tells 1, 1.0 and true apart, Python's dicts do not."""


class _Mapping(dict[Key, Any]):
    """A mapping before its keys become text."""


class _Decoder:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self._steps = 0
        self._alias_steps = 0
        self._aliases: list[_Node] = []

    def value(self, node: _Node) -> Any:
        self._steps += 1
        self._alias_steps += bool(self._aliases)
        if self._alias_steps > _FREE_ALIASES and self._steps > _FREE_STEPS:
            self._check_aliasing()
        if node.kind == "scalar":
            return scalar(node.tag, node.value, node.implicit)
        if node.kind == "sequence":
            return [self.value(child) for child in node.children]
        if node.kind == "alias":
            return self._alias(node, self.value)
        out = _Mapping()
        self._fill(node, out)
        return out

    def _check_aliasing(self) -> None:
        share = (self._steps - _LOW_STEPS) / (_HIGH_STEPS - _LOW_STEPS)
        allowed = 0.99 - 0.89 * min(max(share, 0.0), 1.0)
        if self._alias_steps / self._steps > allowed:
            raise BodyError("yaml: document contains excessive aliasing")

    def _alias(self, node: _Node, use: Callable[[_Node], Any]) -> Any:
        if any(node is other for other in self._aliases) or node.target is None:
            raise BodyError(f"yaml: anchor '{node.value}' value contains itself")
        self._aliases.append(node)
        result = use(node.target)
        self._aliases.pop()
        return result

    def _fill(self, node: _Node, out: _Mapping) -> None:
        children = node.children
        for key_node, value_node in zip(children[::2], children[1::2], strict=True):
            if _is_merge(key_node):
                self._merge(value_node, out)
                continue
            key = self.value(key_node)
            if isinstance(key, dict | list):
                raise BodyError(f"yaml: invalid map key: {go_syntax(key)}")
            value = self.value(value_node)
            typed_key = (type(key), key)
            if typed_key in out:
                self.problems.append(f"line {value_node.line + 1}: key {go_syntax(key)} already set in map")
            out[typed_key] = value

    def _merge(self, node: _Node, out: _Mapping) -> None:
        """`<<`: the entries of one mapping, or of several of which the earlier win."""
        nodes = list(reversed(node.children)) if node.kind == "sequence" else [node]
        for source in nodes:
            target = source.target if source.kind == "alias" else source
            if target is None or target.kind != "mapping":
                raise BodyError("yaml: map merge requires map or sequence of maps as the value")
            self._steps += 1
            if source.kind == "alias":
                self._alias(source, lambda found: self._fill(found, out))
            else:
                self._fill(source, out)


def _is_merge(node: _Node) -> bool:
    return node.kind == "scalar" and node.value == "<<" and (node.implicit or node.tag == _MERGE)


def scalar(tag: str, text: str, implicit: bool) -> Any:
    """What go-yaml makes of a scalar: YAML 1.1 words, integers in C's notations, no dates. Raises
    BodyError."""
    if not tag and not implicit:
        return text
    if tag == _BINARY:
        try:
            data = decode_base64(text)
        except CorruptInputError:
            raise BodyError("yaml: !!binary value contains invalid base64 data") from None
        return re.sub("[\udc80-\udcff]", "\ufffd", data.decode("utf-8", "surrogateescape"))
    if tag not in _RESOLVABLE:
        return text
    found, value = (_STR, text) if tag == _STR else _resolve(text)
    if tag in ("", found, _STR):
        return value
    if tag == _FLOAT and found == _INT:
        return float(value)
    raise BodyError(f"yaml: cannot decode {_short(found)} `{text}` as a {_short(tag)}")


def _resolve(text: str) -> tuple[str, Any]:
    if text and text[0] not in _PLAIN_START:
        return _STR, text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return _float(text) if _FRACTION.fullmatch(text) else (_STR, text)
    if text[0] in "+-0123456789":
        plain = text.replace("_", "")
        match = _INTEGER.fullmatch(plain)
        if match is not None:
            digits = next(i for i in range(4) if match[i + 2] is not None)
            value = int(match[digits + 2][:400], _BASES[digits]) * (-1 if match[1] == "-" else 1)
            if -(2**63) <= value < 2**63 or (not match[1] and value < 2**64):
                return _INT, value
        if _DECIMAL.fullmatch(plain):
            found, number = _float(plain)
            return (found, number) if found == _FLOAT else (_STR, text)
    return _STR, text


def _float(text: str) -> tuple[str, Any]:
    value = float(text)
    return (_FLOAT, value) if math.isfinite(value) else (_STR, text)


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_LONG) if tag.startswith(_LONG) else tag


def _to_json(value: Any) -> Any:
    """Through JSON, as sigs.k8s.io/yaml goes: keys become text and are sorted, numbers are rewritten."""
    if isinstance(value, _Mapping):
        return dict(sorted((_key_text(key, item), _to_json(item)) for (_, key), item in value.items()))
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            shown = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
            raise BodyError(f"json: unsupported value: {shown}")
        text = go_number(value)
        number = Literal.read(text)
        return int(text) if text.lstrip("-").isdigit() and abs(number) < 2**63 else number
    if isinstance(value, int) and value >= 2**63:
        return Literal.read(str(value))
    return value


def _key_text(key: Any, value: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int) and key < 2**63:
        return str(key)
    if isinstance(key, float):
        return _float_key(key)
    kind = "%!s(<nil>)" if key is None else "uint64"
    shown = go_syntax(key) if key is None else f"0x{key:x}"
    raise BodyError(f"unsupported map key of type: {kind}, key: {shown}, value: {go_syntax(value)}")


def _float_key(key: float) -> str:
    if not math.isfinite(key):
        return ".nan" if math.isnan(key) else ".inf" if key > 0 else "-.inf"
    text = f"{key:.8g}"
    for digits in range(1, 9):
        if math.isclose(float(f"{key:.{digits}g}"), key, rel_tol=2**-25):
            text = f"{key:.{digits}g}"
            break
    return text


def go_syntax(value: Any) -> str:
    """Go's `%#v` of a value that go-yaml made."""
    if value is None:
        return "<nil>"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Mapping):
        inside = ", ".join(f"{go_syntax(k)}:{_inner(v)}" for (_, k), v in value.items())
        return f"map[interface {{}}]interface {{}}{{{inside}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_inner, value))}}}"
    return go_number(value)


def _inner(value: Any) -> str:
    return "interface {}(nil)" if value is None else go_syntax(value)
