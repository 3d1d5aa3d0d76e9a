"""wat2wasm, and telling binaries from text."""

from __future__ import annotations

import importlib.util

from wasmarium.errors import Location, Malformed, Unsupported


def wat2wasm(wat: str | bytes | bytearray) -> bytearray:
    """Translate the text format into the binary format.

    ``wat`` is the text (bytes are UTF-8). Raises WasmtimeError with line and column for text that is
    no module.
    """
    if not isinstance(wat, str):
        try:
            wat = wat.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("input was not valid utf-8", Location(offset=error.start)) from None
    if importlib.util.find_spec("wasmarium.text.assembler") is None:
        raise Unsupported("the text format is not there yet: give the module's binary form")
    from wasmarium.text.assembler import assemble  # type: ignore[import-not-found,unused-ignore]

    return bytearray(assemble(wat))


def to_binary(wasm: str | bytes | bytearray) -> bytes:
    """The binary form of a module given in either form; a file's first byte says which it is."""
    if isinstance(wasm, str) and wasm and wasm[0] != "\0":
        return bytes(wat2wasm(wasm))
    if not isinstance(wasm, bytes | bytearray):
        raise TypeError("expected wasm bytes")
    if wasm and wasm[0] != 0:
        if not _is_text(wasm):
            raise Malformed("magic header not detected", Location(offset=0))
        return bytes(wat2wasm(wasm))
    return bytes(wasm)


def _is_text(content: bytes | bytearray) -> bool:
    """Whether this is meant to be text: the text format begins with a space, a comment or a form."""
    first = bytes(content[:64]).lstrip(b" \t\r\n\xef\xbb\xbf")
    return first[:1] in (b"(", b";", b"")
