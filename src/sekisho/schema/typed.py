"""Values seen through their type's merge topology: what is one field, what an item, what an atom.

Follows structured-merge-diff (KEP-555) as kube-openapi's schemas drive it. Structs and maps are granular
unless their type says atomic; lists are atomic unless they are sets or maps by key; values without a schema
are deduced: maps are granular, everything else is one field; a RawExtension is always one field.
An OBJECT that has an `element` besides its fields takes unknown keys of that type (a custom resource's
preserved fields), and one without any fields takes everything.
"""

from __future__ import annotations

from typing import Any

from sekisho.api.goformat import quote_list
from sekisho.schema import fieldset
from sekisho.schema.fieldset import LEAF, SELF, FieldSet
from sekisho.schema.types import Field, Kind, Type

FREE = Type("", Kind.ANY)
"""What is below a value without a schema."""

_DEDUCED = frozenset(
    {Kind.ANY, Kind.INT_OR_STRING, Kind.SCHEMA_OR_BOOL, Kind.SCHEMA_OR_ARRAY, Kind.SCHEMA_OR_STRINGS}
)
_MAPS = frozenset({Kind.OBJECT, Kind.MAP, Kind.FIELDS_V1})
_ZEROS: dict[Kind, Any] = {
    Kind.STRING: "",
    Kind.INTEGER: 0,
    Kind.NUMBER: 0,
    Kind.BOOLEAN: False,
    Kind.OBJECT: {},
    Kind.INT_OR_STRING: 0,
    Kind.QUANTITY: "0",
    Kind.DURATION: "0s",
}
_KEY_DEFAULTS = {"io.k8s.api.core.v1.Protocol": "TCP"}
"""Go's `+default` markers on key fields, by the field's type: the OpenAPI definitions lack them."""
_KEY_ZEROS = {kind: _ZEROS[kind] for kind in (Kind.STRING, Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN)}


class TypedError(ValueError):
    """A value that does not fit its type; the text is structured-merge-diff's."""


def is_map(type_: Type, value: Any) -> bool:
    """Whether a value of this type is merged key by key. Null is an empty map where only maps may be."""
    kind = type_.kind
    if kind in _MAPS:
        return type_.map_type != "atomic"
    return kind in _DEDUCED and isinstance(value, dict)


def is_deduced(type_: Type) -> bool:
    """Whether the shape of the type's values is known only from themselves."""
    return type_.kind in _DEDUCED


def is_associative(type_: Type) -> bool:
    return type_.kind is Kind.LIST and type_.list_type in ("map", "set")


def below(type_: Type, key: str) -> tuple[Type | None, bool]:
    """The type under a key, None when undeclared, and whether the key is a field that the type names."""
    named = type_.fields.get(key)
    if named is not None:
        return named.type, True
    if type_.element is not None:
        return type_.element, False
    return (None if type_.kind is Kind.OBJECT and type_.fields else FREE), False


def element_type(type_: Type) -> Type:
    """What a list holds."""
    return type_.element or FREE


def zero(field: Field) -> Any:
    """What Go's encoder writes for an `always` field that was never set."""
    return None if field.pointer else _ZEROS.get(field.type.kind)


def _key_default(type_: Type, key: str) -> Any:
    field = element_type(type_).fields.get(key)
    if field is None:
        return None
    if field.default is not None:
        return field.default
    if field.always:
        return _KEY_ZEROS.get(field.type.kind)
    return _KEY_DEFAULTS.get(field.type.name)


def item_element(type_: Type, item: Any) -> str:
    """The path element of an item of an associative list; absent keys count with their defaults.

    Raises TypedError for items that cannot be told apart.
    """
    if type_.list_type == "set":
        if isinstance(item, dict):
            raise TypedError("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise TypedError("not supported: associative list with lists as elements")
        if item is None:
            raise TypedError("associative list without keys has an element that's an explicit null")
        return fieldset.member(item)
    if item is None:
        raise TypedError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise TypedError("associative list with keys may not have non-map elements")
    keys: dict[str, Any] = {}
    for name in sorted(type_.list_map_keys):
        if name in item:
            keys[name] = item[name]
            continue
        default = _key_default(type_, name)
        if default is not None:
            keys[name] = default
    if not keys:
        raise TypedError(
            "associative list with keys has an element that omits all key fields "
            f"{quote_list(type_.list_map_keys)} (and doesn't have default values for any key fields)"
        )
    return fieldset.item(keys)


def index(type_: Type, items: list[Any]) -> dict[str, list[Any]]:
    """The items of an associative list by their path element, in order; more than one where they repeat."""
    out: dict[str, list[Any]] = {}
    for position, item in enumerate(items):
        try:
            element = item_element(type_, item)
        except TypedError as e:
            raise TypedError(f"element {position}: {e}") from None
        out.setdefault(element, []).append(item)
    return out


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values: as Python's, but true is not 1."""
    if a is b:
        return True
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def has_free_form(type_: Type) -> bool:
    """Whether values without a schema can occur below: only there must true and 1 be told apart."""
    seen: set[Type] = set()
    waiting = [type_]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        if current.kind in (Kind.ANY, Kind.RAW_OBJECT) or (
            current.kind is Kind.OBJECT and not current.fields
        ):
            return True
        waiting.extend(f.type for f in current.fields.values())
        if current.element is not None:
            waiting.append(current.element)
    return False


def field_set(type_: Type, value: Any) -> FieldSet:
    """What a manager that applies `value` owns: leaves, items, members and free keys, but not the containers.

    Raises TypedError when an associative list holds items without keys.
    """
    out: FieldSet = {}
    _collect(type_, value, out)
    return fieldset.canonical(out)


def _collect(type_: Type, value: Any, out: FieldSet) -> bool:
    """Put what is below `value` into `out`; whether the value itself is a leaf."""
    if is_map(type_, value):
        if value:
            _collect_map(type_, value, out)
        return False
    if is_associative(type_):
        if value:
            _collect_items(type_, value, out)
        return False
    return value is not None or type_.kind not in _DEDUCED


def _collect_map(type_: Type, value: dict[str, Any], out: FieldSet) -> None:
    for key, child in value.items():
        child_type, named = below(type_, key)
        node: FieldSet = {}
        leaf = _collect(child_type or FREE, child, node)
        owned = leaf or child is None or child == {} or not named
        _put(out, fieldset.field(key), node, owned)


def _collect_items(type_: Type, items: list[Any], out: FieldSet) -> None:
    child_type = element_type(type_)
    for element, found in index(type_, items).items():
        node: FieldSet = {}
        if len(found) == 1:
            _collect(child_type, found[0], node)
        _put(out, element, node, True)


def _put(out: FieldSet, element: str, node: FieldSet, owned: bool) -> None:
    if not node:
        if owned:
            out[element] = LEAF
    else:
        out[element] = {SELF: LEAF, **node} if owned else node


def with_named_fields(type_: Type, fields: FieldSet) -> FieldSet:
    """The set with every named field added that has something of the set below it."""
    out: FieldSet = {}
    for element, node in fields.items():
        if not node:
            out[element] = LEAF
            continue
        child_type, named = _type_at(type_, element)
        grown = with_named_fields(child_type or FREE, node)
        out[element] = {SELF: LEAF, **grown} if named and SELF not in grown else grown
    return out


def _type_at(type_: Type, element: str) -> tuple[Type | None, bool]:
    if element[:2] == "f:":
        return below(type_, element[2:])
    return (element_type(type_) if type_.kind is Kind.LIST else None), False


def reconcile(type_: Type, fields: FieldSet) -> FieldSet:
    """The set after its type changed: what is below something that has become atomic is owned as a whole."""
    out: FieldSet | None = None
    for element, node in fields.items():
        if not node or element == SELF:
            continue
        child_type, _ = _type_at(type_, element)
        if child_type is None or is_deduced(child_type):
            continue
        settled = LEAF if _is_atomic(child_type) else reconcile(child_type, node)
        if settled is not node:
            out = dict(fields) if out is None else out
            out[element] = settled
    return fields if out is None else out


def _is_atomic(type_: Type) -> bool:
    if type_.kind is Kind.LIST:
        return not is_associative(type_)
    return type_.kind is Kind.RAW_OBJECT or (type_.kind in _MAPS and type_.map_type == "atomic")


def remove(type_: Type, value: Any, fields: FieldSet) -> Any:
    """`value` without the fields of the set; None for a map or list that loses all it had, and for atoms."""
    if not value:
        return None if isinstance(value, dict | list) else value
    if isinstance(value, dict) and (type_.kind in _MAPS or is_deduced(type_)):
        return _remove_keys(type_, value, fields) if is_map(type_, value) else None
    if isinstance(value, list) and (type_.kind is Kind.LIST or is_deduced(type_)):
        return _remove_items(type_, value, fields) if is_associative(type_) else None
    return value


def _remove_keys(type_: Type, value: dict[str, Any], fields: FieldSet) -> dict[str, Any] | None:
    out: dict[str, Any] = {}
    for key, child in value.items():
        node = fields.get(fieldset.field(key))
        if node is None:
            out[key] = child
        elif not fieldset.is_member(node):
            out[key] = remove(below(type_, key)[0] or FREE, child, node)
    return out or None


def _remove_items(type_: Type, items: list[Any], fields: FieldSet) -> list[Any] | None:
    out: list[Any] = []
    for item in items:
        node = fields.get(item_element(type_, item))
        if node is None:
            out.append(item)
        elif not fieldset.is_member(node):
            out.append(remove(element_type(type_), item, node))
    return out or None
