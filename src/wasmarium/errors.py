"""Every exception that wasmarium raises on purpose.

The tree::

    WasmariumError
    ├── WasmError                 the embedding API also calls it WasmtimeError
    │   ├── Malformed             the bytes (or the text) are not a module at all
    │   ├── Invalid               a module, but it breaks a rule of validation
    │   ├── Unsupported           valid, but this engine or build cannot do it
    │   ├── Unlinkable            imports do not match what the host provides
    │   ├── Exhausted             a limit of the host was reached outside a guest
    │   ├── Denied                a capability that was not granted was asked for
    │   ├── GuestExit             the guest asked to exit; carries its code (also: ExitTrap)
    │   └── Crash                 a fault of wasmarium itself, never of the guest
    ├── Trap                      the guest's execution trapped; carries a TrapCode
    └── GuestException            an exception thrown by the guest left it

``Trap`` is not a ``WasmError``: programs written for wasmtime-py catch the two apart.

Messages use the specification's own wording (its test suite matches them by prefix); where a thing
stands is carried by :class:`Location`, and ``str(error)`` shows both.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a module something is. Every field may be unknown (None).

    ``offset`` counts bytes from the start of the module (line and column are for the text format,
    both from 1); ``instruction`` is the index of the instruction within its function body, from 0.
    """

    section: str | None = None
    function: int | None = None
    function_name: str | None = None
    instruction: int | None = None
    mnemonic: str | None = None
    offset: int | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts: list[str] = []
        if self.line is not None:
            parts.append(f"line {self.line}" + (f":{self.column}" if self.column is not None else ""))
        if self.section is not None:
            parts.append(f"{self.section} section")
        if self.function is not None:
            name = f" ${self.function_name}" if self.function_name else ""
            parts.append(f"function {self.function}{name}")
        if self.instruction is not None:
            mnemonic = f" {self.mnemonic}" if self.mnemonic else ""
            parts.append(f"instruction {self.instruction}{mnemonic}")
        if self.offset is not None:
            parts.append(f"offset 0x{self.offset:x}")
        return ", ".join(parts)


class WasmariumError(Exception):
    """The root of every exception that wasmarium raises on purpose."""


class WasmError(WasmariumError):
    """Something is wrong with a module, its imports or the use of the API; not a trap.

    ``message`` is the plain statement, ``location`` says where (or is empty).
    """

    kind = "error"

    def __init__(self, message: str = "", location: Location | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.location = location if location is not None else Location()

    def __str__(self) -> str:
        where = str(self.location)
        return f"{self.message} (at {where})" if where else self.message


class Malformed(WasmError):
    """The bytes or the text do not follow the grammar of a module (specification, chapters 5 and 6)."""

    kind = "malformed"


class Invalid(WasmError):
    """The module breaks a rule of validation (specification, chapter 3)."""

    kind = "invalid"


class Unsupported(WasmError):
    """The module may be valid, but needs something that is switched off or that this engine lacks."""

    kind = "unsupported"


class Unlinkable(WasmError):
    """An import is missing or of another type (specification, section 4.7.2, external typing)."""

    kind = "unlinkable"


class Exhausted(WasmError):
    """A limit of the host (memory, instances, table elements) was reached while no guest ran."""

    kind = "exhausted"


class Denied(WasmError):
    """A capability was used that the policy does not grant."""

    kind = "denied"


class Crash(WasmError):
    """A fault of wasmarium: something that cannot happen in validated code did happen."""

    kind = "crash"


class GuestExit(WasmError):
    """The guest ended itself with ``proc_exit``; ``code`` is its exit code (0 to 2^32-1)."""

    kind = "exit"

    def __init__(self, code: int) -> None:
        super().__init__(f"Exited with i32 exit status {code}")
        self.code = code


class TrapCode(enum.Enum):
    """Why execution trapped. ``message`` is the specification's wording for it.

    Names and values below 1000 are wasmtime's; those above tell apart what wasmtime lumps together,
    and ``general`` leads from them back to wasmtime's.
    """

    message: str

    def __new__(cls, value: int, message: str) -> TrapCode:
        self = object.__new__(cls)
        self._value_ = value
        self.message = message
        return self

    STACK_OVERFLOW = 0, "call stack exhausted"
    MEMORY_OUT_OF_BOUNDS = 1, "out of bounds memory access"
    HEAP_MISALIGNED = 2, "unaligned atomic"
    TABLE_OUT_OF_BOUNDS = 3, "out of bounds table access"
    INDIRECT_CALL_TO_NULL = 4, "uninitialized element"
    BAD_SIGNATURE = 5, "indirect call type mismatch"
    INTEGER_OVERFLOW = 6, "integer overflow"
    INTEGER_DIVISION_BY_ZERO = 7, "integer divide by zero"
    BAD_CONVERSION_TO_INTEGER = 8, "invalid conversion to integer"
    UNREACHABLE = 9, "unreachable"
    INTERRUPT = 10, "interrupt"
    OUT_OF_FUEL = 11, "all fuel consumed by WebAssembly"
    ATOMIC_WAIT_NON_SHARED_MEMORY = 12, "expected shared memory"
    NULL_REFERENCE = 13, "null reference"
    ARRAY_OUT_OF_BOUNDS = 14, "out of bounds array access"
    ALLOCATION_TOO_LARGE = 15, "allocation size too large"
    CAST_FAILURE = 16, "cast failure"
    # from here on: of components, stack switching and wasmtime itself
    CANNOT_ENTER_COMPONENT = 17, "cannot enter component instance"
    NO_ASYNC_RESULT = 18, "async function ended without a result"
    UNHANDLED_TAG = 19, "no handler for the tag of a suspension"
    CONTINUATION_ALREADY_CONSUMED = 20, "continuation already consumed"
    DISABLED_OPCODE = 21, "disabled opcode"
    ASYNC_DEADLOCK = 22, "all tasks wait for one another"
    CANNOT_LEAVE_COMPONENT = 23, "cannot leave component instance"
    CANNOT_BLOCK_SYNC_TASK = 24, "cannot block a synchronous task before returning"
    INVALID_CHAR = 25, "invalid `char` bit pattern"
    DEBUG_ASSERT_STRING_ENCODING_FINISHED = 26, "string encoding is not finished"
    DEBUG_ASSERT_EQUAL_CODE_UNITS = 27, "code units differ"
    DEBUG_ASSERT_POINTER_ALIGNED = 28, "pointer is not aligned"
    DEBUG_ASSERT_UPPER_BITS_UNSET = 29, "upper bits are set"
    STRING_OUT_OF_BOUNDS = 30, "string content out-of-bounds"
    LIST_OUT_OF_BOUNDS = 31, "list content out-of-bounds"
    INVALID_DISCRIMINANT = 32, "invalid variant discriminant"
    UNALIGNED_POINTER = 33, "unaligned pointer"
    TASK_CANCEL_NOT_CANCELLED = 34, "`task.cancel` of a task that is not cancelled"
    TASK_CANCEL_OR_RETURN_TWICE = 35, "`task.return` or `task.cancel` called more than once"
    SUBTASK_CANCEL_AFTER_TERMINAL = 36, "`subtask.cancel` of a subtask that has ended"
    TASK_RETURN_INVALID = 37, "invalid `task.return`"
    WAITABLE_SET_DROP_HAS_WAITERS = 38, "cannot drop a waitable set with waiters"
    SUBTASK_DROP_NOT_RESOLVED = 39, "cannot drop a subtask that is not resolved"
    THREAD_NEW_INDIRECT_INVALID_TYPE = 40, "`thread.new-indirect` with a function of another type"
    THREAD_NEW_INDIRECT_UNINITIALIZED = 41, "`thread.new-indirect` without a function"
    BACKPRESSURE_OVERFLOW = 42, "backpressure counter overflow"
    UNSUPPORTED_CALLBACK_CODE = 43, "unsupported callback code"
    CANNOT_RESUME_THREAD = 44, "cannot resume a thread that is not suspended"
    CONCURRENT_FUTURE_STREAM_OP = 45, "a future or stream is already being used"
    REFERENCE_COUNT_OVERFLOW = 46, "reference count overflow"
    STREAM_OP_TOO_BIG = 47, "stream operation too big"
    WAITABLE_SYNC_AND_ASYNC = 48, "a waitable used both synchronously and asynchronously"
    UNCAUGHT_EXCEPTION = 49, "uncaught exception"
    UNDEFINED_ELEMENT = 1003, "undefined element"
    ATOMIC_WAIT_WITHOUT_END = 1012, "atomic wait that nobody can end"
    NULL_FUNCTION_REFERENCE = 1013, "null function reference"
    NULL_STRUCTURE_REFERENCE = 2013, "null structure reference"
    NULL_ARRAY_REFERENCE = 3013, "null array reference"
    NULL_I31_REFERENCE = 4013, "null i31 reference"
    NULL_EXCEPTION_REFERENCE = 5013, "null exception reference"

    @property
    def general(self) -> TrapCode:
        """The code that wasmtime gives for the same thing."""
        return TrapCode(self.value % 1000)  # type: ignore[call-arg]  # __new__ is for the rows above


@dataclass(frozen=True, slots=True)
class Frame:
    """One activation in a backtrace, innermost first.

    ``function_name`` comes from the name section (None without one), ``exported_name`` is what the
    function is exported as (None where it is not); ``instruction`` is the index in the body, ``offset``
    the byte offset in the module, ``function_offset`` that from the start of the function's body. A host
    function has only its name.
    """

    function_index: int | None
    function_name: str | None
    module_name: str | None = None
    instruction: int | None = None
    mnemonic: str | None = None
    offset: int | None = None
    function_offset: int | None = None
    exported_name: str | None = None

    @property
    def display_name(self) -> str:
        """How logs, traps and traces name this frame."""
        module = f"{self.module_name}." if self.module_name else ""
        if self.function_name or self.exported_name:
            return module + (self.function_name or self.exported_name or "")
        return module + (f"${self.function_index}" if self.function_index is not None else "host")

    @property
    def func_index(self) -> int | None:
        """wasmtime's name for ``function_index``."""
        return self.function_index

    @property
    def func_name(self) -> str | None:
        """wasmtime's name for ``function_name``."""
        return self.function_name

    @property
    def func_offset(self) -> int | None:
        """wasmtime's name for ``function_offset``."""
        return self.function_offset

    @property
    def module_offset(self) -> int | None:
        """wasmtime's name for ``offset``."""
        return self.offset

    def __str__(self) -> str:
        text = self.display_name
        if self.instruction is not None:
            text += f", instruction {self.instruction}" + (f" {self.mnemonic}" if self.mnemonic else "")
        if self.offset is not None:
            text += f", offset 0x{self.offset:x}"
        return text


@dataclass(eq=False)
class Trap(WasmariumError):
    """Execution of a guest was aborted (specification, section 4.4, "trap").

    ``code`` is None only for traps that a host function raised with a message of its own;
    ``frames`` is the backtrace, innermost first.
    """

    message: str = ""
    code: TrapCode | None = None
    frames: tuple[Frame, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.message and self.code is not None:
            self.message = self.code.message
        super().__init__(self.message)

    @property
    def trap_code(self) -> TrapCode | None:
        """The code in wasmtime's coarser terms; None for a trap that a host function made."""
        return None if self.code is None else self.code.general

    def __str__(self) -> str:
        if not self.frames:
            return self.message
        lines = [f"  {i}: {frame}" for i, frame in enumerate(self.frames)]
        return "\n".join([self.message, "wasm backtrace:", *lines])


def trap(code: TrapCode) -> Trap:
    """A trap with the specification's message for ``code``; the engine adds the backtrace."""
    return Trap(code.message, code)


class GuestException(WasmariumError):
    """An exception that a guest threw and nobody caught; ``exception`` is the exception instance."""

    def __init__(self, exception: Any) -> None:
        super().__init__("uncaught exception")
        self.exception = exception
