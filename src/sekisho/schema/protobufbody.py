"""Request bodies in protobuf: bytes into the endpoint's kind, refused in upstream's words.

What comes out is JSON-shaped and still has protobuf's zero values; `body.conform` decodes it like a JSON body.
Strict decoding has nothing to say about protobuf: unknown fields are dropped without a word.
"""

from __future__ import annotations

from sekisho.api.status import bad_request
from sekisho.api.types import GroupVersionKind, Object
from sekisho.schema.builtin import builtin_types
from sekisho.schema.decode import DecodeError, decode
from sekisho.schema.protobuf import ProtobufError, decode_protobuf, has_protobuf, kind_of
from sekisho.schema.recognition import META_SCHEME, check_kind, not_handled, not_registered, unrecognized

_OLD_EVICTION = ("policy", "v1beta1", "Eviction")
_DELETE_OPTIONS = GroupVersionKind("meta.k8s.io", "v1", "DeleteOptions")


def decode_body(data: bytes, kind: GroupVersionKind) -> Object:
    """A body that should be of `kind`. Raises StatusError 400 when it cannot be read or is another kind."""
    try:
        actual = kind_of(data, kind)
    except ProtobufError as error:
        raise unrecognized(kind, error, data)
    try:
        obj = decode_protobuf(data, kind) if has_protobuf(actual) else {}
    except ProtobufError as error:
        raise not_handled(actual, kind, error)
    if actual == _OLD_EVICTION and kind.kind == actual.kind:
        return {**obj, "apiVersion": kind.api_version}
    check_kind(actual, kind, obj, data)
    return obj


def decode_delete_options(data: bytes) -> Object:
    """A DeleteOptions body of any group and version. Raises StatusError 400."""
    try:
        actual = kind_of(data, _DELETE_OPTIONS)
        if actual.kind != _DELETE_OPTIONS.kind:
            raise ProtobufError(not_registered(actual, META_SCHEME))
        options, _ = decode(builtin_types().for_kind(_DELETE_OPTIONS), decode_protobuf(data, _DELETE_OPTIONS))
    except (ProtobufError, DecodeError) as error:
        raise bad_request(str(error))
    result: Object = options
    return result
