"""MemoryType: how large a memory is and may become."""

from __future__ import annotations

from wasmarium import types
from wasmarium.embedding.limits import Limits
from wasmarium.embedding.managed import Managed
from wasmarium.errors import WasmError


class MemoryType(Managed):
    """The type of a linear memory. Limits count pages of 64 KiB.

    >>> from wasmarium import Limits, MemoryType
    >>> MemoryType(Limits(1, 16)).page_size
    65536
    """

    _type: types.MemoryType

    def __init__(self, limits: Limits, is_64: bool = False, shared: bool = False, page_size_log2: int = 16) -> None:
        """``is_64`` makes addresses 64 bits wide; ``shared`` is for threads and needs a maximum;
        ``page_size_log2`` is 16, or 0 for pages of a single byte. WasmtimeError when they cannot be."""
        if not isinstance(limits, Limits):
            raise TypeError("expected Limits")
        if page_size_log2 not in (0, 16):
            raise WasmError("a page has 1 or 65536 bytes")
        ceiling = 1 << (64 if is_64 else 32)
        for word, bound in (("minimum", limits.min), ("maximum", limits.max)):
            if bound is not None and not 0 <= bound < ceiling:
                raise WasmError(f"{word} size too large")
            if bound is not None and bound << page_size_log2 > ceiling:
                raise WasmError(f"{word} size is too large for this memory type's index type")
        if limits.max is not None and limits.max < limits.min:
            raise WasmError("maximum page size cannot be smaller than the minimum page size")
        if shared and limits.max is None:
            raise WasmError("shared memories must have a maximum size")
        address = types.I64 if is_64 else types.I32
        self._type = types.MemoryType(limits._unwrap(), address, shared, page_size_log2)

    @classmethod
    def _of(cls, type: types.MemoryType) -> MemoryType:
        self = cls.__new__(cls)
        self._type = type
        return self

    @property
    def limits(self) -> Limits:
        """The bounds, in pages."""
        return Limits._of(self._type.limits)

    @property
    def is_64(self) -> bool:
        """Whether addresses are 64 bits wide."""
        return self._type.address is types.I64

    @property
    def is_shared(self) -> bool:
        """Whether threads may share the memory."""
        return self._type.shared

    @property
    def page_size(self) -> int:
        """Bytes in a page."""
        return self._type.page_size

    @property
    def page_size_log2(self) -> int:
        """log2 of the bytes in a page."""
        return self._type.page_size_log2

    def __repr__(self) -> str:
        return f"MemoryType({self.limits})"
