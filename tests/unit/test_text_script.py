"""Scripts: every command, where it stands, and the values in it."""

from __future__ import annotations

import pytest

from wasmarium.errors import Location, Malformed
from wasmarium.text.script import (
    AssertException,
    AssertExhaustion,
    AssertInvalid,
    AssertMalformed,
    AssertReturn,
    AssertSuspension,
    AssertTrap,
    AssertUnlinkable,
    Command,
    DefineModule,
    Either,
    Get,
    InstantiateModule,
    Invoke,
    NanPattern,
    Number,
    Pattern,
    Perform,
    Reference,
    Register,
    ScriptModule,
    Thread,
    Vector,
    Wait,
    read_script,
)
from wasmarium.types import F32, F64, HEAP_TYPES, I32, I64


def one(text: str) -> Command:
    (command,) = read_script(text)
    return command


AT = Location(offset=0, line=1, column=1)
CALL = Invoke(None, "f", ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('(register "name")', Register(AT, "name", None)),
        ('(register "name" $m)', Register(AT, "name", "m")),
        ('(invoke "f")', Perform(AT, CALL)),
        ('(invoke $m "f" (i32.const -1))', Perform(AT, Invoke("m", "f", (Number(I32, 0xFFFFFFFF),)))),
        ('(get $m "g")', Perform(AT, Get("m", "g"))),
        ('(assert_return (invoke "f"))', AssertReturn(AT, CALL, ())),
        ('(assert_return (get "g") (i64.const 7))', AssertReturn(AT, Get(None, "g"), (Number(I64, 7),))),
        ('(assert_trap (invoke "f") "unreachable")', AssertTrap(AT, CALL, "unreachable")),
        ('(assert_exhaustion (invoke "f") "deep")', AssertExhaustion(AT, CALL, "deep")),
        ('(assert_exception (invoke "f"))', AssertException(AT, CALL)),
        ('(assert_suspension (invoke "f") "unhandled")', AssertSuspension(AT, CALL, "unhandled")),
        ("(module instance $i $d)", InstantiateModule(AT, "i", "d")),
        ("(module instance)", InstantiateModule(AT, None, None)),
        ("(wait $t)", Wait(AT, "t")),
    ],
)
def test_commands(text: str, expected: Command) -> None:
    assert one(text) == expected


def expected_result(text: str) -> Pattern:
    command = one(f'(assert_return (invoke "f") {text})')
    assert isinstance(command, AssertReturn)
    (result,) = command.results
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(f32.const nan:0x200000)", Number(F32, 0x7FA00000)),
        ("(f64.const -0)", Number(F64, 0x8000000000000000)),
        ("(f32.const nan:canonical)", NanPattern(F32, "nan:canonical")),
        ("(f64.const nan:arithmetic)", NanPattern(F64, "nan:arithmetic")),
        ("(v128.const i16x8 1 -1 0 0 0 0 0 0x8000)", Vector("i16x8", (1, 0xFFFF, 0, 0, 0, 0, 0, 0x8000))),
        (
            "(v128.const f32x4 1 nan:canonical -0 nan:arithmetic)",
            Vector("f32x4", (0x3F800000, NanPattern(F32, "nan:canonical"), 1 << 31, NanPattern(F32, "nan:arithmetic"))),
        ),
        ("(v128.const f64x2 nan:canonical 0)", Vector("f64x2", (NanPattern(F64, "nan:canonical"), 0))),
        ("(ref.null)", Reference("null")),
        ("(ref.null func)", Reference("null", HEAP_TYPES["func"])),
        ("(ref.null $t)", Reference("null", "$t")),
        ("(ref.extern 3)", Reference("extern", value=3)),
        ("(ref.extern)", Reference("extern")),
        ("(ref.host 3)", Reference("host", value=3)),
        ("(ref.func)", Reference("func")),
        ("(ref.i31)", Reference("i31")),
        ("(either (i32.const 1) (i32.const 2))", Either((Number(I32, 1), Number(I32, 2)))),
    ],
)
def test_results(text: str, expected: Pattern) -> None:
    assert expected_result(text) == expected


def test_vectors_are_one_number() -> None:
    vector = expected_result("(v128.const i32x4 1 2 3 0xff000000)")
    assert isinstance(vector, Vector)
    assert vector.bits == 0xFF000000_00000003_00000002_00000001


def test_modules() -> None:
    text = """
      (module $text (func))
      (module binary "\\00asm" "\\01\\00\\00\\00")
      (module $quoted quote "(func" " )")
      (module definition $d (memory 1))
      (module definition binary "\\00asm\\01\\00\\00\\00")
    """
    commands = read_script(text)
    assert all(isinstance(command, DefineModule) for command in commands)
    found = [
        (command.module.kind, command.module.identifier, command.definition, len(command.module.to_bytes()))
        for command in commands
        if isinstance(command, DefineModule)
    ]
    assert found == [
        # preamble, type, function and code section, and the name "text"
        ("text", "text", False, 8 + 6 + 4 + 6 + 2 + 5 + 7),
        ("binary", None, False, 8),
        ("quote", "quoted", False, 8 + 6 + 4 + 6),
        ("text", "d", True, 8 + 5 + 2 + 5 + 4),
        ("binary", None, True, 8),
    ]
    assert [command.location.line for command in commands] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "kind", "custom"),
    [
        ('(assert_malformed (module quote "(") "x")', AssertMalformed, False),
        ('(assert_malformed_custom (module quote "(") "x")', AssertMalformed, True),
        ('(assert_invalid (module) "x")', AssertInvalid, False),
        ('(assert_invalid_custom (module) "x")', AssertInvalid, True),
        ('(assert_unlinkable (module) "x")', AssertUnlinkable, None),
        ('(assert_invalid (module definition $m (func)) "x")', AssertInvalid, False),
    ],
)
def test_assertions_about_modules(text: str, kind: type, custom: bool | None) -> None:
    command = one(text)
    assert type(command) is kind
    assert isinstance(command, AssertMalformed | AssertInvalid | AssertUnlinkable)
    assert command.message == "x"
    assert custom is None or getattr(command, "custom", None) is custom


def test_a_module_may_trap() -> None:
    command = one('(assert_trap (module $m (func)) "unreachable")')
    assert isinstance(command, AssertTrap)
    assert isinstance(command.action, ScriptModule)
    assert command.action.identifier == "m"


def test_threads() -> None:
    command = one('(thread $t (shared (module $m)) (register "mem" $m) (invoke "f"))')
    assert isinstance(command, Thread)
    assert (command.name, command.shared) == ("t", ("m",))
    assert [type(inner).__name__ for inner in command.commands] == ["Register", "Perform"]


def test_a_bare_module_is_a_script() -> None:
    command = one('(memory 1) (export "m" (memory 0))')
    assert isinstance(command, DefineModule)
    assert command.module.to_bytes()[8] == 5


def test_errors_in_modules_have_lines_of_the_script() -> None:
    (command,) = read_script("\n\n(module\n (func foo))")
    assert isinstance(command, DefineModule)
    with pytest.raises(Malformed) as caught:
        command.module.to_bytes()
    assert (caught.value.location.line, caught.value.location.column) == (4, 8)
    assembly = read_script("\n(module\n (func nop))")[0].module.assemble()  # type: ignore[attr-defined]
    assert [(line, column) for _, line, column in assembly.source_map][-2:] == [(3, 8), (3, 11)]


@pytest.mark.parametrize(
    "text",
    [
        "(assert_something)",
        "module",
        '(assert_return (invoke "f") (either (either)))',
        '(assert_return (invoke "f") (i32.const nan:canonical))',
        '(invoke "f" (f32.const nan:canonical))',
        '(invoke "f" (v128.const i32x4 1 2))',
        '(assert_return (invoke "f") (ref.what))',
        "(thread $t (thread $u))",
        "(wait)",
        '(register "\\ff")',
        "(module",
    ],
)
def test_malformed_scripts(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_script(text)
    assert caught.value.location.line == 1
