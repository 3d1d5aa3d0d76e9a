"""Reading types (specification, section 5.3). They stay syntactic: no index is looked up."""

from __future__ import annotations

from wasmarium.binary.reading import Cursor, malformed
from wasmarium.features import DEFAULT, Features
from wasmarium.instructions.immediates import VALUE_TYPE_CODES, read_reference_type, read_value_type
from wasmarium.types import (
    FUNCREF,
    I8,
    I16,
    I32,
    I64,
    V128,
    AbstractHeapType,
    ArrayType,
    CompositeType,
    ExternalType,
    FieldType,
    FunctionImport,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    RecursiveType,
    ReferenceType,
    StorageType,
    StructType,
    SubType,
    TableType,
    TagType,
    ValueType,
)

PACKED_TYPE_CODES = {I8.code: I8, I16.code: I16}


class TypeCursor(Cursor):
    """A cursor that reads types."""

    def __init__(self, data: bytes, position: int, features: Features) -> None:
        super().__init__(data, position, features)
        # With all of 3.0 on, no value type can be refused, and nobody needs to look.
        self._gated = not features >= DEFAULT

    def _gate(self, value: ValueType, offset: int) -> None:
        feature, message = "mvp", "malformed value type"
        if value is V128:
            feature = "simd"
        elif isinstance(value, ReferenceType):
            message = "malformed reference type"
            if isinstance(value.heap, AbstractHeapType):
                feature = value.heap.feature
            if value.code is None and feature in ("mvp", "reference-types"):
                feature = "function-references"
        self.need(feature, message, value.name, offset)

    def value_type(self) -> ValueType:
        """A number, vector or reference type."""
        start = self.position
        value, self.position = read_value_type(self.data, start)
        if self._gated:
            self._gate(value, start)
        return value

    def reference_type(self) -> ReferenceType:
        """A reference type."""
        start = self.position
        value, self.position = read_reference_type(self.data, start)
        # Tables of functions are older than reference types.
        if self._gated and value is not FUNCREF:
            self._gate(value, start)
        return value

    def result_type(self) -> tuple[ValueType, ...]:
        """A vector of value types."""
        count = self.length()
        start = self.position
        if not self._gated:
            try:
                found = tuple([VALUE_TYPE_CODES[code] for code in self.data[start : start + count]])
            except KeyError:
                pass
            else:
                self.skip(count)
                return found
        return tuple([self.value_type() for _ in range(count)])

    def storage_type(self) -> StorageType:
        """A value type or a packed type."""
        start = self.position
        code = self.byte()
        packed = PACKED_TYPE_CODES.get(code)
        if packed is not None:
            return packed
        if code not in VALUE_TYPE_CODES and code != 0x63 and code != 0x64:
            raise malformed("malformed storage type", start)
        self.position = start
        return self.value_type()

    def mutability(self) -> bool:
        """Whether a field or global can be set."""
        start = self.position
        code = self.byte()
        if code > 1:
            raise malformed("malformed mutability", start)
        return code == 1

    def field_type(self) -> FieldType:
        """A field of a struct, or the element of an array."""
        storage = self.storage_type()
        return FieldType(storage, self.mutability())

    def composite_type(self) -> CompositeType:
        """A function, struct or array type."""
        start = self.position
        code = self.byte()
        if code == 0x60:
            parameters = self.result_type()
            return FunctionType(parameters, self.result_type())
        if code >= 0x80:  # the code is a LEB128 integer of 7 bits
            raise malformed("integer representation too long", start)
        message = "malformed definition type"
        if code == 0x5F:
            self.need("gc", message, "a struct type", start)
            return StructType(self.vector("fields", self.field_type))
        if code == 0x5E:
            self.need("gc", message, "an array type", start)
            return ArrayType(self.field_type())
        raise malformed(message, start)

    def subtype(self) -> SubType:
        """A composite type, with or without supertypes."""
        start = self.position
        code = self.byte()
        if code != 0x50 and code != 0x4F:
            self.position = start
            return SubType(True, (), self.composite_type())
        self.need("gc", "malformed definition type", "a subtype", start)
        supertypes = self.vector("supertypes", self.u32)
        return SubType(code == 0x4F, supertypes, self.composite_type())

    def recursive_type(self) -> RecursiveType:
        """A group of types that may mention one another, or a single type."""
        start = self.position
        if self.byte() != 0x4E:
            self.position = start
            return RecursiveType((self.subtype(),))
        self.need("gc", "malformed definition type", "a recursive group", start)
        return RecursiveType(self.vector("types", self.subtype))

    def _limits(self, allowed: int) -> tuple[int, Limits]:
        start = self.position
        flags = self.byte()
        message = "malformed limits flags"
        if flags & ~allowed:
            raise malformed(message, start)
        if flags & 0x02:
            self.need("threads", message, "a shared memory", start)
        if flags & 0x04:
            self.need("memory64", message, "a 64-bit address", start)
        if flags & 0x08:
            self.need("custom-page-sizes", message, "a page size", start)
        minimum = self.u64()
        return flags, Limits(minimum, self.u64() if flags & 0x01 else None)

    def memory_type(self) -> MemoryType:
        """A memory type. Its page size can be any power of two here; validation knows which may be."""
        flags, limits = self._limits(0x0F)
        page_size_log2 = 16
        if flags & 0x08:
            start = self.position
            page_size_log2 = self.u32()
            if page_size_log2 > 63:
                raise malformed("invalid custom page size", start)
        return MemoryType(limits, I64 if flags & 0x04 else I32, bool(flags & 0x02), page_size_log2)

    def table_type(self) -> TableType:
        """A table type."""
        element = self.reference_type()
        flags, limits = self._limits(0x05)
        return TableType(element, limits, I64 if flags & 0x04 else I32)

    def global_type(self) -> GlobalType:
        """A global type."""
        content = self.value_type()
        return GlobalType(content, self.mutability())

    def tag_type(self) -> TagType:
        """A tag type: an attribute that must be 0, and a type index."""
        start = self.position
        if self.byte():
            raise malformed("malformed tag attribute", start)
        return TagType(self.u32())

    def need_tags(self, message: str, offset: int) -> None:
        """Malformed unless one of the two exception proposals is on."""
        if "legacy-exceptions" not in self.features:
            self.need("exceptions", message, "a tag", offset)

    def external_type(self) -> ExternalType:
        """The type of an import, its kind before it."""
        start = self.position
        kind = self.byte()
        message = "malformed import kind"
        if kind == 0x00:
            return FunctionImport(self.u32())
        if kind == 0x01:
            return self.table_type()
        if kind == 0x02:
            return self.memory_type()
        if kind == 0x03:
            return self.global_type()
        if kind == 0x04:
            self.need_tags(message, start)
            return self.tag_type()
        raise malformed(message, start)
