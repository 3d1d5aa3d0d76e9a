"""Module: code that was checked and can be instantiated."""

from __future__ import annotations

from os import PathLike

from wasmarium.embedding.engine import Engine
from wasmarium.embedding.external_type import ExportType, ImportType, wrap_external_type
from wasmarium.embedding.loading import from_binary, load
from wasmarium.embedding.managed import Managed
from wasmarium.errors import Malformed
from wasmarium.runtime.linking import close_external, closed_type

SERIALIZED = b"wasmarium module 1\0"
"""What ``Module.serialize`` puts before the binary form; the number is that of this layout."""


class Module(Managed):
    """A WebAssembly module: decoded, validated, ready to be instantiated any number of times.

    It is made from the bytes of a ``.wasm`` file, from the file (see :meth:`from_file`), or from
    WebAssembly's text format:

    >>> from wasmarium import Engine, Instance, Module, Store
    >>> store = Store()
    >>> module = Module(store.engine, '''
    ...     (module
    ...       (func (export "add") (param i32 i32) (result i32)
    ...         (i32.add (local.get 0) (local.get 1))))
    ... ''')

    A module says what it needs and what it offers:

    >>> module.imports
    []
    >>> module.exports
    [ExportType('add', FuncType([i32, i32], [i32]))]

    An instance of it lives in a store. Its exports are called with the store first:

    >>> instance = Instance(store, module, [])
    >>> add = instance.exports(store)["add"]
    >>> add(store, 20, 22)
    42

    Programs that need WASI (anything that C, Rust or Go compiled for ``wasip1``) go through a
    :class:`Linker`. What is no module, or breaks a rule, raises :class:`WasmtimeError` that says where:

    >>> Module(store.engine, "(module (func (result i32) i64.const 1))")
    Traceback (most recent call last):
        ...
    wasmarium.errors.Invalid: type mismatch: ... (at line 1:..., code section, function 0, ...)
    """

    def __init__(self, engine: Engine, wasm: str | bytes | bytearray) -> None:
        """Decode and validate ``wasm``: a binary, or the text format as ``str`` or bytes."""
        if not isinstance(engine, Engine):
            raise TypeError("expected an Engine")
        engine._check_open()
        self.engine = engine
        self._module = load(wasm, engine._features, engine._execution)

    @classmethod
    def from_file(cls, engine: Engine, path: str | bytes | PathLike[str]) -> Module:
        """The module in the file at ``path``; what opening it raises (FileNotFoundError …) comes out."""
        with open(path, "rb") as file:
            content = file.read()
        return cls(engine, content)

    @classmethod
    def validate(cls, engine: Engine, wasm: bytes | bytearray) -> None:
        """Raise WasmtimeError, saying what is wrong and where, unless ``wasm`` is a valid binary."""
        if not isinstance(wasm, bytes | bytearray):
            raise TypeError("expected wasm bytes")
        from_binary(bytes(wasm), engine._features)

    @property
    def imports(self) -> list[ImportType]:
        """What the module needs, in order."""
        self._check_open()
        types = self._module.defined_types
        return [
            ImportType(item.module, item.name, wrap_external_type(close_external(item.type, types)))
            for item in self._module.imports
        ]

    @property
    def exports(self) -> list[ExportType]:
        """What the module offers, in order."""
        self._check_open()
        module = self._module
        return [
            ExportType(item.name, wrap_external_type(closed_type(module, item.kind, item.index)))
            for item in module.exports
        ]

    def serialize(self) -> bytearray:
        """The module as bytes that :meth:`deserialize` takes."""
        self._check_open()
        return bytearray(SERIALIZED + self._module.data)

    @classmethod
    def deserialize(cls, engine: Engine, encoded: bytes | bytearray) -> Module:
        """A module from what :meth:`serialize` gave. It is validated again, so the bytes need not be
        trusted."""
        if not isinstance(encoded, bytes | bytearray):
            raise TypeError("expected bytes")
        if not encoded.startswith(SERIALIZED):
            raise Malformed("these bytes do not come from Module.serialize of this version")
        return cls(engine, bytes(encoded[len(SERIALIZED) :]))

    @classmethod
    def deserialize_file(cls, engine: Engine, path: str | PathLike[str]) -> Module:
        """Like :meth:`deserialize`, from a file."""
        with open(path, "rb") as file:
            content = file.read()
        return cls.deserialize(engine, content)
