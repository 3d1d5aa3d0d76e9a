"""The player that decodes and validates; nothing runs."""

from __future__ import annotations

from spec.runner import PLAYERS, Command, Script, Skip
from wasmarium.binary.decoder import decode_module
from wasmarium.errors import Invalid, Malformed, WasmError
from wasmarium.features import DEFAULT, Features
from wasmarium.validation import validate_module

# The tests of threads are those of the first release with atomics added.
_AFTER_THREADS = {"multi-memory", "reference-types", "function-references", "gc", "memory64"}

FEATURES: dict[str, Features] = {
    "": DEFAULT,
    "custom": DEFAULT,
    "legacy": DEFAULT | {"legacy-exceptions"},
    "threads": (DEFAULT | {"threads"}) - _AFTER_THREADS,
    "custom-page-sizes": DEFAULT | {"custom-page-sizes"},
    "wide-arithmetic": DEFAULT | {"wide-arithmetic"},
}
"""What is switched on for each folder of the suite."""

OTHER_WORDS = (
    # suite, ours, why
    (
        "unexpected end of section or function",
        "END opcode expected",
        "the reference decoder runs on behind a body that lacks its end; here a body ends where its size says",
    ),
    ("section size mismatch", "END opcode expected", "the same"),
    (
        "type mismatch: instruction requires",
        "type mismatch: ",
        "wabt's words, left in the tests of exceptions",
    ),
    ("type mismatch: block requires", "type mismatch: ", "wabt's words"),
)
"""Messages of the suite that ours need not contain, and what they must begin with instead."""


class ValidationPlayer:
    """Knows the commands that say whether a module is well formed and valid."""

    def __init__(self, script: Script) -> None:
        self.features = FEATURES[script.folder]

    def _verdict(self, command: Command) -> WasmError | None:
        if command.file is None:
            raise Skip("the module is only there as text")
        data = command.file.read_bytes()
        try:
            validate_module(decode_module(data, self.features), self.features)
        except WasmError as error:
            return error
        return None

    def module(self, command: Command) -> None:
        """The module is valid."""
        error = self._verdict(command)
        assert error is None, f"refused: {error}"

    # Whatever is wrong with them, it is not their validity.
    module_definition = assert_unlinkable = assert_uninstantiable = module

    def _refused(self, command: Command, kind: type[WasmError]) -> None:
        error = self._verdict(command)
        assert error is not None, f"accepted, expected {command.message!r}"
        assert type(error) is kind, f"expected {kind.__name__} {command.message!r}, found {error!r}"
        assert error.location.offset is not None, f"no offset: {error}"
        alike = any(
            command.message.startswith(theirs) and error.message.startswith(ours) for theirs, ours, _ in OTHER_WORDS
        )
        assert command.message in error.message or alike, f"expected {command.message!r}, found {error}"

    def assert_invalid(self, command: Command) -> None:
        """The module is well formed but not valid."""
        self._refused(command, Invalid)

    def assert_malformed(self, command: Command) -> None:
        """The bytes are no module."""
        self._refused(command, Malformed)

    def assert_invalid_custom(self, command: Command) -> None:
        """A custom section says what cannot be, but the module is valid without it."""
        self.module(command)


PLAYERS["validation"] = ValidationPlayer
