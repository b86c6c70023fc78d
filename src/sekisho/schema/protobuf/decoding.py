"""Messages to JSON objects: one compiled reader a message.

A reader is a table from tag (number and wire type together) to a closure that reads one field into the object
being built. Tables are compiled when a message is first met, so the recursive ones need no care, and live as
long as the process: they are derived from upstream's fixed tables.

Zero values are kept as they come. Which of them JSON shows is the schema's business (`Field.always`,
`Field.pointer`), and the schema decodes what comes out of here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sekisho.api.encoding import base64_encode
from sekisho.api.types import Object
from sekisho.schema.protobuf.fields import FieldSpec, message_fields
from sekisho.schema.protobuf.values import VALUES, read_tag, scan, text
from sekisho.schema.protobuf.wire import (
    BYTES,
    EOF,
    FIXED64,
    VARINT,
    ProtobufError,
    read_length,
    read_varint,
    signed32,
    signed64,
    skip,
)
