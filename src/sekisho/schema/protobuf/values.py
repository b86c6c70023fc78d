"""Messages that JSON shows as a plain value: times, quantities, int-or-string, raw JSON.

Each has a reader, from the bytes of the message to the JSON value (None: leave the field out, as Go's zero
time does), and a writer, from the JSON value to the bytes of the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sekisho.schema.protobuf.fields import META
from sekisho.schema.protobuf.wire import (
    BYTES,
    EOF,
    VARINT,
    ProtobufError,
    delimited,
    read_length,
    read_varint,
    signed32,
    signed64,
    skip,
    tag,
    varint,
)

Reader = Callable[[bytes, int, int], Any]
Writer = Callable[[Any], bytes]

_ZERO_TIME = -62135596800
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def scan(data: bytes, pos: int, end: int, message: str) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message as (number, wire type, start, stop); a varint's start is its value.

    Groups and fixed-width values are passed over. `message` is the short name that error texts carry.
    """
    while pos < end:
        number, wire_type, pos = read_tag(data, pos, message)
        if wire_type == VARINT:
            value, pos = read_varint(data, pos)
            yield number, VARINT, value, pos
        elif wire_type == BYTES:
            start, pos = read_length(data, pos, end)
            yield number, BYTES, start, pos
        else:
            pos = skip(data, pos, end, wire_type)
    if pos != end:
        raise ProtobufError(EOF)


def read_tag(data: bytes, pos: int, message: str) -> tuple[int, int, int]:
    """(field number, wire type, position after the tag); refuses what gogo refuses."""
    key, pos = read_varint(data, pos)
    number, wire_type = signed32(key >> 3), key & 7
    if wire_type == 4:
        raise ProtobufError(f"proto: {message}: wiretype end group for non-group")
    if number <= 0:
        raise ProtobufError(f"proto: {message}: illegal tag {number} (wire type {key})")
    return number, wire_type, pos


def expect(wire_type: int, wanted: int, field: str) -> None:
    if wire_type != wanted:
        raise ProtobufError(f"proto: wrong wireType = {wire_type} for field {field}")


def text(data: bytes, start: int, stop: int) -> str:
    """UTF-8 as Go's JSON encoder shows it: what is no UTF-8 becomes U+FFFD."""
    return data[start:stop].decode("utf-8", "replace")


def _timestamp(data: bytes, pos: int, end: int) -> tuple[int, int]:
    seconds = nanos = 0
    for number, wire_type, value, _ in scan(data, pos, end, "Timestamp"):
        if number == 1:
            expect(wire_type, VARINT, "Seconds")
            seconds = signed64(value)
        elif number == 2:
            expect(wire_type, VARINT, "Nanos")
            nanos = signed32(value)
    return seconds, nanos


def _moment(seconds: int, micros: int = 0) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=micros)
    except OverflowError:
        raise ProtobufError("Time.MarshalJSON: year outside of range [0,9999]") from None


def read_time(data: bytes, pos: int, end: int) -> str | None:
    """metav1.Time: whole seconds; an empty message is the zero time."""
    if pos == end:
        return None
    seconds, _ = _timestamp(data, pos, end)
    if seconds == _ZERO_TIME:
        return None
    moment = _moment(seconds)
    return f"{moment.year:04}{moment:-%m-%dT%H:%M:%SZ}"


def read_micro_time(data: bytes, pos: int, end: int) -> str | None:
    """metav1.MicroTime: nanoseconds are cut to microseconds."""
    if pos == end:
        return None
    seconds, nanos = _timestamp(data, pos, end)
    micros = int(nanos / 1000)
    if seconds == _ZERO_TIME and not micros:
        return None
    moment = _moment(seconds, micros)
    return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S.%fZ}"


def write_time(value: Any) -> bytes:
    return _write_timestamp((_parse(value) - _EPOCH) // _SECOND, 0)


def write_micro_time(value: Any) -> bytes:
    since = _parse(value) - _EPOCH
    return _write_timestamp(since // _SECOND, since.microseconds * 1000)


def _parse(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write_timestamp(seconds: int, nanos: int) -> bytes:
    return b"".join((tag(1, VARINT), varint(seconds), tag(2, VARINT), varint(nanos)))


def read_quantity(data: bytes, pos: int, end: int) -> str:
    found = ""
    for number, wire_type, start, stop in scan(data, pos, end, "Quantity"):
        if number == 1:
            expect(wire_type, BYTES, "String_")
            found = text(data, start, stop)
    return found or "0"


def write_quantity(value: Any) -> bytes:
    return delimited(tag(1, BYTES), str(value).encode())


def read_int_or_string(data: bytes, pos: int, end: int) -> int | str:
    kind = integer = 0
    string = ""
    for number, wire_type, value, stop in scan(data, pos, end, "IntOrString"):
        if number == 1:
            expect(wire_type, VARINT, "Type")
            kind = signed64(value)
        elif number == 2:
            expect(wire_type, VARINT, "IntVal")
            integer = signed32(value)
        elif number == 3:
            expect(wire_type, BYTES, "StrVal")
            string = text(data, value, stop)
    if kind not in (0, 1):
        raise ProtobufError("impossible IntOrString.Type")
    return string if kind else integer


def write_int_or_string(value: Any) -> bytes:
    string, integer = (value, 0) if isinstance(value, str) else ("", int(value))
    kind = varint(1 if isinstance(value, str) else 0)
    return b"".join(
        (tag(1, VARINT), kind, tag(2, VARINT), varint(integer), delimited(tag(3, BYTES), string.encode()))
    )


def read_raw(data: bytes, pos: int, end: int) -> bytes:
    """The one bytes field of RawExtension, JSON and FieldsV1."""
    found = b""
    for number, wire_type, start, stop in scan(data, pos, end, "RawExtension"):
        if number == 1:
            expect(wire_type, BYTES, "Raw")
            found = data[start:stop]
    return found


def read_json(data: bytes, pos: int, end: int) -> Any:
    return parse_json(read_raw(data, pos, end))


def parse_json(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ProtobufError(f"invalid embedded JSON: {error}") from None


def write_json(value: Any) -> bytes:
    return delimited(tag(1, BYTES), orjson.dumps(value))


VALUES: dict[str, tuple[Reader, Writer, bytes]] = {
    META + "Time": (read_time, write_time, b""),
    META + "MicroTime": (read_micro_time, write_micro_time, b""),
    META + "FieldsV1": (read_json, write_json, b""),
    "k8s.io.apimachinery.pkg.api.resource.Quantity": (read_quantity, write_quantity, write_quantity("0")),
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": (
        read_int_or_string,
        write_int_or_string,
        write_int_or_string(0),
    ),
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON": (read_json, write_json, b""),
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1beta1.JSON": (read_json, write_json, b""),
}
"""Message -> (reader, writer, the message's bytes when the Go value is zero)."""
