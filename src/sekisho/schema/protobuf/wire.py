"""Protobuf's wire format: varints, tags, and skipping what nobody knows.

Readers take the whole buffer and a position, and return the position after what they read. A read past the
buffer shows as IndexError, which `decode_protobuf` turns into the error that Go's generated code gives
("unexpected EOF"); everything else that is wrong with the bytes is a ProtobufError here.
"""

from __future__ import annotations

VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 = range(6)

EOF = "unexpected EOF"
_MASK = 0xFFFFFFFFFFFFFFFF
_SIGN = 1 << 63


class ProtobufError(ValueError):
    """Bytes that are no message of the wanted type. The text is what gogo's generated decoders say."""


def read_varint(data: bytes, pos: int) -> tuple[int, int]:
    """An unsigned 64-bit varint and the position after it."""
    byte = data[pos]
    pos += 1
    if byte < 0x80:
        return byte, pos
    value = byte & 0x7F
    shift = 7
    while True:
        if shift >= 64:
            raise ProtobufError("proto: integer overflow")
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _MASK, pos
        shift += 7


def read_length(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """The length prefix at `pos`: returns (start, stop) of what it announces, which lies before `end`."""
    length, pos = read_varint(data, pos)
    if length & _SIGN:
        raise ProtobufError("proto: negative length found during unmarshaling")
    stop = pos + length
    if stop > end:
        raise ProtobufError(EOF)
    return pos, stop


def signed64(value: int) -> int:
    return value - (1 << 64) if value & _SIGN else value


def signed32(value: int) -> int:
    """The low 32 bits as a signed number, which is how Go narrows a varint to int32."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


def skip(data: bytes, pos: int, end: int, wire_type: int) -> int:
    """The position after an unknown field's value; groups are skipped with everything in them."""
    depth = 0
    while True:
        if wire_type == VARINT:
            _, pos = read_varint(data, pos)
        elif wire_type == FIXED64:
            pos += 8
        elif wire_type == BYTES:
            _, pos = read_length(data, pos, end)
        elif wire_type == START_GROUP:
            depth += 1
        elif wire_type == END_GROUP:
            if not depth:
                raise ProtobufError("proto: unexpected end of group")
            depth -= 1
        elif wire_type == FIXED32:
            pos += 4
        else:
            raise ProtobufError(f"proto: illegal wireType {wire_type}")
        if pos > end:
            raise ProtobufError(EOF)
        if not depth:
            return pos
        tag, pos = read_varint(data, pos)
        wire_type = tag & 7


def varint(value: int) -> bytes:
    """An unsigned number, or a negative one in two's complement of 64 bits."""
    if 0 <= value < 0x80:
        return _SMALL[value]
    value &= _MASK
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = tuple(bytes((n,)) for n in range(0x80))


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def delimited(tag_bytes: bytes, payload: bytes) -> bytes:
    """A length-delimited field: tag, length, payload."""
    return b"%b%b%b" % (tag_bytes, varint(len(payload)), payload)
