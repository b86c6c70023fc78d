"""Kubernetes' protobuf: JSON-shaped objects to and from the bytes that typed Go clients speak.

Driven by the tables of upstream's .proto files and Go structs, compiled a message at a time. Custom resources
have no protobuf form; `has_protobuf` tells. Nothing here knows what a valid object is: decoded objects go
through the schema like any other.
"""

from sekisho.schema.protobuf.codec import (
    CONTENT_TYPE,
    decode_protobuf,
    encode_list,
    encode_message,
    encode_protobuf,
    has_protobuf,
    kind_of,
    watch_frame,
)
from sekisho.schema.protobuf.wire import ProtobufError

__all__ = [
    "CONTENT_TYPE",
    "ProtobufError",
    "decode_protobuf",
    "encode_list",
    "encode_message",
    "encode_protobuf",
    "has_protobuf",
    "kind_of",
    "watch_frame",
]
