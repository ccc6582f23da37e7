"""An ONNX file for pictures of any size, made of one that was exported for a single size.

Of the file's protocol buffers only the few messages are read that say what goes in and comes out: the onnx
package would be 20 MB more to install. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has them.
"""

from __future__ import annotations

from collections.abc import Iterator

# Numbers of fields.
_MODEL_IR_VERSION, _MODEL_GRAPH = 1, 7
_GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 5, 11, 12, 13
_TENSOR_NAME = 8
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_ELEMENT = 1, 1
_FLOAT = 1
# The first version in which a weight need not be an input, too. Only such a weight is a constant to
# onnxruntime, which then makes one step of a convolution and the normalisation after it.
_IR_VERSION = 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def of_any_size(model: bytes) -> bytes:
    """The same model, whose inputs and outputs may have any shape, and whose weights are constants.

    Raises:
        ValueError: this is no ONNX file.
    """
    written = [_field(_MODEL_IR_VERSION, _VARINT, _varint(_IR_VERSION))]
    for number, kind, value in _fields(model):
        if number != _MODEL_IR_VERSION:
            written.append(_field(number, kind, _graph(value) if number == _MODEL_GRAPH else value))
    return b"".join(written)


def _graph(graph: bytes) -> bytes:
    fields = list(_fields(graph))
    weights = {_text(value, _TENSOR_NAME) for number, _, value in fields if number == _GRAPH_INITIALIZER}
    written = []
    for number, kind, value in fields:
        if number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            name = _text(value, _VALUE_NAME)
            if name not in weights:
                written.append(_field(number, kind, _of_any_shape(name)))
        elif number != _GRAPH_VALUE_INFO:
            written.append(_field(number, kind, value))
    return b"".join(written)


def _of_any_shape(name: bytes) -> bytes:
    """What says that a tensor of real numbers goes in or comes out, without its shape."""
    tensor = _field(_TENSOR_ELEMENT, _VARINT, _varint(_FLOAT))
    type_ = _field(_TYPE_TENSOR, _BYTES, tensor)
    return _field(_VALUE_NAME, _BYTES, name) + _field(_VALUE_TYPE, _BYTES, type_)


def _text(message: bytes, wanted: int) -> bytes:
    return next((value for number, _, value in _fields(message) if number == wanted), b"")


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each field of a message: its number, how it is written, and its value as it is written."""
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        start, kind = position, tag & 7
        if kind == _VARINT:
            _, position = _read_varint(message, position)
        elif kind == _BYTES:
            length, start = _read_varint(message, position)
            position = start + length
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"not an ONNX file: a field is written as {kind}")
        if position > len(message):
            raise ValueError("not an ONNX file: it ends in the middle of a field")
        yield tag >> 3, kind, message[start:position]


def _field(number: int, kind: int, value: bytes) -> bytes:
    length = _varint(len(value)) if kind == _BYTES else b""
    return _varint(number << 3 | kind) + length + value


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    """A whole number in groups of seven bits, the lowest first, and where it ends."""
    number = shift = 0
    while position < len(message):
        byte = message[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
        shift += 7
    raise ValueError("not an ONNX file: it ends in the middle of a number")


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)
