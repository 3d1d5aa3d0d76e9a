"""From what users have, a binary or the text format, to a valid module; and wat2wasm."""

from __future__ import annotations

from wasmarium.binary.decoder import decode_module
from wasmarium.engines.base import Engine
from wasmarium.errors import Location, Malformed, WasmError
from wasmarium.features import DEFAULT, Features
from wasmarium.module import Module
from wasmarium.text.parser import assemble, is_text, parse_module
from wasmarium.validation import validate_module


def wat2wasm(wat: str | bytes | bytearray) -> bytearray:
    """Translate the text format into the binary format.

    ``wat`` is the text; bytes are UTF-8. WasmtimeError, with line and column, for text that is no
    module. Whether the module is valid is not asked.

    >>> from wasmarium import wat2wasm
    >>> wat2wasm("(module)")
    bytearray(b'\\x00asm\\x01\\x00\\x00\\x00')
    """
    return bytearray(parse_module(bytes(wat) if isinstance(wat, bytearray) else wat))


def load(source: str | bytes | bytearray, features: Features = DEFAULT, engine: Engine | None = None) -> Module:
    """The module that ``source`` is, decoded and validated; a binary by ``engine``, if it does that.

    A ``str``, or bytes that do not begin with a zero, are text; errors then have line and column.
    TypeError for what is neither str nor bytes.
    """
    if isinstance(source, str) and source and source[0] != "\0":
        return _from_text(source, features)
    if not isinstance(source, bytes | bytearray):
        raise TypeError("expected wasm bytes")
    content = bytes(source)
    if content and content[0]:
        if not is_text(content):
            raise Malformed("magic header not detected", Location(offset=0))
        return _from_text(content, features)
    return from_binary(content, features, engine)


def from_binary(content: bytes, features: Features = DEFAULT, engine: Engine | None = None) -> Module:
    """The module whose binary form this is, decoded and validated."""
    module = decode_module(content, features)
    if engine is None or not engine.vouches(module, features):
        validate_module(module, features)
    return module


def _from_text(source: str | bytes, features: Features) -> Module:
    assembly = assemble(source, features=features)
    try:
        return from_binary(assembly.data, features)
    except WasmError as error:
        error.location = assembly.source_map.in_text(error.location)
        raise
