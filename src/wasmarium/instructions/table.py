"""The instruction table: one row per instruction (specification, appendix "Index of Instructions").

Decoding, encoding, validation, text, execution and documentation all read these rows. A row says:

``opcode``      one byte, or ``prefix << 12 | code`` for the prefixed ones (0xFC, 0xFB, 0xFD, 0xFE)
``mnemonic``    as in the text format; two rows share one where the text has one form (``select``)
``immediates``  the kinds that follow the opcode, in the order of the binary format
``parameters``, ``results``  value types, where the instruction has one fixed type; for loads and
                stores the address is left out (it depends on the memory)
``kind``        what treats it: "simple" instructions are pure functions of their operands (and
                immediates); all others name the group whose rule they follow
``width``       bytes that a memory access touches, 0 elsewhere
``lanes``       number of lanes that a lane index may name, 0 elsewhere
``feature``     the row of ``features.py`` that brings it
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmarium.instructions import immediates as imm
from wasmarium.instructions.immediates import Immediate
from wasmarium.leb128 import write_unsigned
from wasmarium.types import EXTERNREF, NUMERIC_TYPES, ValueType


@dataclass(frozen=True, slots=True, eq=False)
class Instruction:
    """A row; see the module's text for the columns."""

    opcode: int
    mnemonic: str
    immediates: tuple[Immediate, ...]
    parameters: tuple[ValueType, ...]
    results: tuple[ValueType, ...]
    kind: str
    width: int
    lanes: int
    feature: str

    def __repr__(self) -> str:
        return self.mnemonic

    @property
    def encoded(self) -> bytes:
        """The opcode's bytes."""
        if self.opcode < 0x100:
            return bytes([self.opcode])
        out = bytearray([self.opcode >> 12])
        write_unsigned(self.opcode & 0xFFF, out)
        return bytes(out)

    @property
    def opens_block(self) -> bool:
        """Whether an ``end`` (or ``delegate``) further on belongs to it."""
        return imm.BLOCK_TYPE in self.immediates

    @property
    def nullable(self) -> bool:
        """Of two rows with one mnemonic and a heap type (``ref.test``, ``ref.cast``): whether null passes."""
        return BY_MNEMONIC[self.mnemonic][-1] is self


PREFIXES = (0xFB, 0xFC, 0xFD, 0xFE)

INSTRUCTIONS: list[Instruction] = []
_TYPES: dict[str, ValueType] = {**NUMERIC_TYPES, "externref": EXTERNREF}


def _row(
    opcode: int,
    mnemonic: str,
    signature: str = "->",
    *immediates: Immediate,
    kind: str = "simple",
    width: int = 0,
    lanes: int = 0,
    feature: str = "mvp",
) -> None:
    before, _, after = signature.partition("->")
    parameters = tuple(_TYPES[name] for name in before.split())
    results = tuple(_TYPES[name] for name in after.split())
    INSTRUCTIONS.append(Instruction(opcode, mnemonic, immediates, parameters, results, kind, width, lanes, feature))


def _run(first: int, prefix: str, names: str, signature: str, feature: str = "mvp") -> None:
    """Simple instructions at consecutive opcodes; ``_`` leaves an opcode free."""
    for i, name in enumerate(names.split()):
        if name != "_":
            _row(first + i, f"{prefix}.{name}", signature, feature=feature)


def _access(first: int, rows: str, kind: str, feature: str = "mvp") -> None:
    """Loads or stores at consecutive opcodes: ``mnemonic/width`` each."""
    for i, item in enumerate(rows.split()):
        mnemonic, _, width = item.partition("/")
        value = mnemonic.partition(".")[0]
        signature = f"-> {value}" if kind == "load" else f"{value} ->"
        _row(first + i, mnemonic, signature, imm.MEMORY_ARGUMENT, kind=kind, width=int(width), feature=feature)


# ---- control (section 2.4.8) ----
_row(0x00, "unreachable", kind="control")
_row(0x01, "nop", kind="control")
_row(0x02, "block", "->", imm.BLOCK_TYPE, kind="control")
_row(0x03, "loop", "->", imm.BLOCK_TYPE, kind="control")
_row(0x04, "if", "->", imm.BLOCK_TYPE, kind="control")
_row(0x05, "else", kind="control")
_row(0x06, "try", "->", imm.BLOCK_TYPE, kind="control", feature="legacy-exceptions")
_row(0x07, "catch", "->", imm.TAG, kind="control", feature="legacy-exceptions")
_row(0x08, "throw", "->", imm.TAG, kind="control", feature="exceptions")
_row(0x09, "rethrow", "->", imm.LABEL, kind="control", feature="legacy-exceptions")
_row(0x0A, "throw_ref", kind="control", feature="exceptions")
_row(0x0B, "end", kind="control")
_row(0x0C, "br", "->", imm.LABEL, kind="control")
_row(0x0D, "br_if", "->", imm.LABEL, kind="control")
_row(0x0E, "br_table", "->", imm.LABELS, kind="control")
_row(0x0F, "return", kind="control")
_row(0x10, "call", "->", imm.FUNCTION, kind="control")
_row(0x11, "call_indirect", "->", imm.TYPE, imm.TABLE, kind="control")
_row(0x12, "return_call", "->", imm.FUNCTION, kind="control", feature="tail-call")
_row(0x13, "return_call_indirect", "->", imm.TYPE, imm.TABLE, kind="control", feature="tail-call")
_row(0x14, "call_ref", "->", imm.TYPE, kind="control", feature="function-references")
_row(0x15, "return_call_ref", "->", imm.TYPE, kind="control", feature="function-references")
_row(0x18, "delegate", "->", imm.LABEL, kind="control", feature="legacy-exceptions")
_row(0x19, "catch_all", kind="control", feature="legacy-exceptions")
_row(0x1F, "try_table", "->", imm.BLOCK_TYPE, imm.CATCHES, kind="control", feature="exceptions")
_row(0xD5, "br_on_null", "->", imm.LABEL, kind="control", feature="function-references")
_row(0xD6, "br_on_non_null", "->", imm.LABEL, kind="control", feature="function-references")
_row(0xFB018, "br_on_cast", "->", imm.CAST, kind="control", feature="gc")
_row(0xFB019, "br_on_cast_fail", "->", imm.CAST, kind="control", feature="gc")

# ---- parametric and variable (sections 2.4.6, 2.4.7) ----
_row(0x1A, "drop", kind="parametric")
_row(0x1B, "select", kind="parametric")
_row(0x1C, "select", "->", imm.VALUE_TYPES, kind="parametric", feature="reference-types")
_row(0x20, "local.get", "->", imm.LOCAL, kind="variable")
_row(0x21, "local.set", "->", imm.LOCAL, kind="variable")
_row(0x22, "local.tee", "->", imm.LOCAL, kind="variable")
_row(0x23, "global.get", "->", imm.GLOBAL, kind="variable")
_row(0x24, "global.set", "->", imm.GLOBAL, kind="variable")

# ---- tables (section 2.4.9) ----
_row(0x25, "table.get", "->", imm.TABLE, kind="table", feature="reference-types")
_row(0x26, "table.set", "->", imm.TABLE, kind="table", feature="reference-types")
_row(0xFC00C, "table.init", "->", imm.ELEMENT, imm.TABLE, kind="table", feature="bulk-memory")
_row(0xFC00D, "elem.drop", "->", imm.ELEMENT, kind="table", feature="bulk-memory")
_row(0xFC00E, "table.copy", "->", imm.TABLE, imm.TABLE, kind="table", feature="bulk-memory")
_row(0xFC00F, "table.grow", "->", imm.TABLE, kind="table", feature="reference-types")
_row(0xFC010, "table.size", "->", imm.TABLE, kind="table", feature="reference-types")
_row(0xFC011, "table.fill", "->", imm.TABLE, kind="table", feature="reference-types")

# ---- memories (section 2.4.10) ----
_access(
    0x28,
    "i32.load/4 i64.load/8 f32.load/4 f64.load/8 i32.load8_s/1 i32.load8_u/1 i32.load16_s/2 i32.load16_u/2"
    " i64.load8_s/1 i64.load8_u/1 i64.load16_s/2 i64.load16_u/2 i64.load32_s/4 i64.load32_u/4",
    "load",
)
_access(
    0x36,
    "i32.store/4 i64.store/8 f32.store/4 f64.store/8 i32.store8/1 i32.store16/2"
    " i64.store8/1 i64.store16/2 i64.store32/4",
    "store",
)
_row(0x3F, "memory.size", "->", imm.MEMORY, kind="memory")
_row(0x40, "memory.grow", "->", imm.MEMORY, kind="memory")
_row(0xFC008, "memory.init", "->", imm.DATA, imm.MEMORY, kind="memory", feature="bulk-memory")
_row(0xFC009, "data.drop", "->", imm.DATA, kind="memory", feature="bulk-memory")
_row(0xFC00A, "memory.copy", "->", imm.MEMORY, imm.MEMORY, kind="memory", feature="bulk-memory")
_row(0xFC00B, "memory.fill", "->", imm.MEMORY, kind="memory", feature="bulk-memory")

# ---- numbers (section 2.4.1) ----
_row(0x41, "i32.const", "-> i32", imm.I32_CONST, kind="const")
_row(0x42, "i64.const", "-> i64", imm.I64_CONST, kind="const")
_row(0x43, "f32.const", "-> f32", imm.F32_CONST, kind="const")
_row(0x44, "f64.const", "-> f64", imm.F64_CONST, kind="const")
_INTEGER_COMPARISONS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
_INTEGER_BINARY = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"
_FLOAT_COMPARISONS = "eq ne lt gt le ge"
_FLOAT_UNARY = "abs neg ceil floor trunc nearest sqrt"
_FLOAT_BINARY = "add sub mul div min max copysign"
_run(0x45, "i32", "eqz", "i32 -> i32")
_run(0x46, "i32", _INTEGER_COMPARISONS, "i32 i32 -> i32")
_run(0x50, "i64", "eqz", "i64 -> i32")
_run(0x51, "i64", _INTEGER_COMPARISONS, "i64 i64 -> i32")
_run(0x5B, "f32", _FLOAT_COMPARISONS, "f32 f32 -> i32")
_run(0x61, "f64", _FLOAT_COMPARISONS, "f64 f64 -> i32")
_run(0x67, "i32", "clz ctz popcnt", "i32 -> i32")
_run(0x6A, "i32", _INTEGER_BINARY, "i32 i32 -> i32")
_run(0x79, "i64", "clz ctz popcnt", "i64 -> i64")
_run(0x7C, "i64", _INTEGER_BINARY, "i64 i64 -> i64")
_run(0x8B, "f32", _FLOAT_UNARY, "f32 -> f32")
_run(0x92, "f32", _FLOAT_BINARY, "f32 f32 -> f32")
_run(0x99, "f64", _FLOAT_UNARY, "f64 -> f64")
_run(0xA0, "f64", _FLOAT_BINARY, "f64 f64 -> f64")
for _opcode, _mnemonic in enumerate(
    "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u"
    " i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u"
    " f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64"
    " f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32"
    " i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64".split(),
    0xA7,
):
    _row(_opcode, _mnemonic, f"{_mnemonic.split('_')[1]} -> {_mnemonic[:3]}")
_run(0xC0, "i32", "extend8_s extend16_s", "i32 -> i32", "sign-extension")
_run(0xC2, "i64", "extend8_s extend16_s extend32_s", "i64 -> i64", "sign-extension")
for _opcode, _mnemonic in enumerate(
    "i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u"
    " i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u".split(),
    0xFC000,
):
    _row(_opcode, _mnemonic, f"{_mnemonic.split('_')[2]} -> {_mnemonic[:3]}", feature="saturating-float-to-int")
_run(0xFC013, "i64", "add128 sub128", "i64 i64 i64 i64 -> i64 i64", "wide-arithmetic")
_run(0xFC015, "i64", "mul_wide_s mul_wide_u", "i64 i64 -> i64 i64", "wide-arithmetic")

# ---- references and aggregates (sections 2.4.4, 2.4.5) ----
_row(0xD0, "ref.null", "->", imm.HEAP_TYPE, kind="reference", feature="reference-types")
_row(0xD1, "ref.is_null", kind="reference", feature="reference-types")
_row(0xD2, "ref.func", "->", imm.FUNCTION, kind="reference", feature="reference-types")
_row(0xD3, "ref.eq", kind="reference", feature="gc")
_row(0xD4, "ref.as_non_null", kind="reference", feature="function-references")
_row(0xFB000, "struct.new", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB001, "struct.new_default", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB002, "struct.get", "->", imm.TYPE, imm.FIELD, kind="aggregate", feature="gc")
_row(0xFB003, "struct.get_s", "->", imm.TYPE, imm.FIELD, kind="aggregate", feature="gc")
_row(0xFB004, "struct.get_u", "->", imm.TYPE, imm.FIELD, kind="aggregate", feature="gc")
_row(0xFB005, "struct.set", "->", imm.TYPE, imm.FIELD, kind="aggregate", feature="gc")
_row(0xFB006, "array.new", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB007, "array.new_default", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB008, "array.new_fixed", "->", imm.TYPE, imm.COUNT, kind="aggregate", feature="gc")
_row(0xFB009, "array.new_data", "->", imm.TYPE, imm.DATA, kind="aggregate", feature="gc")
_row(0xFB00A, "array.new_elem", "->", imm.TYPE, imm.ELEMENT, kind="aggregate", feature="gc")
_row(0xFB00B, "array.get", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB00C, "array.get_s", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB00D, "array.get_u", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB00E, "array.set", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB00F, "array.len", kind="aggregate", feature="gc")
_row(0xFB010, "array.fill", "->", imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB011, "array.copy", "->", imm.TYPE, imm.TYPE, kind="aggregate", feature="gc")
_row(0xFB012, "array.init_data", "->", imm.TYPE, imm.DATA, kind="aggregate", feature="gc")
_row(0xFB013, "array.init_elem", "->", imm.TYPE, imm.ELEMENT, kind="aggregate", feature="gc")
_row(0xFB014, "ref.test", "->", imm.HEAP_TYPE, kind="aggregate", feature="gc")
_row(0xFB015, "ref.test", "->", imm.HEAP_TYPE, kind="aggregate", feature="gc")
_row(0xFB016, "ref.cast", "->", imm.HEAP_TYPE, kind="aggregate", feature="gc")
_row(0xFB017, "ref.cast", "->", imm.HEAP_TYPE, kind="aggregate", feature="gc")
_row(0xFB01A, "any.convert_extern", kind="aggregate", feature="gc")
_row(0xFB01B, "extern.convert_any", kind="aggregate", feature="gc")
_row(0xFB01C, "ref.i31", kind="aggregate", feature="gc")
_row(0xFB01D, "i31.get_s", kind="aggregate", feature="gc")
_row(0xFB01E, "i31.get_u", kind="aggregate", feature="gc")

# ---- vectors (section 2.4.2) ----
_SIMD = "simd"
_access(
    0xFD000,
    "v128.load/16 v128.load8x8_s/8 v128.load8x8_u/8 v128.load16x4_s/8 v128.load16x4_u/8 v128.load32x2_s/8"
    " v128.load32x2_u/8 v128.load8_splat/1 v128.load16_splat/2 v128.load32_splat/4 v128.load64_splat/8",
    "load",
    _SIMD,
)
_access(0xFD00B, "v128.store/16", "store", _SIMD)
_access(0xFD05C, "v128.load32_zero/4 v128.load64_zero/8", "load", _SIMD)
for _i, _width in enumerate((1, 2, 4, 8)):
    for _opcode, _verb, _signature in ((0xFD054, "load", "v128 -> v128"), (0xFD058, "store", "v128 ->")):
        _row(
            _opcode + _i,
            f"v128.{_verb}{8 * _width}_lane",
            _signature,
            imm.MEMORY_ARGUMENT,
            imm.LANE,
            kind=f"{_verb}_lane",
            width=_width,
            lanes=16 // _width,
            feature=_SIMD,
        )
_row(0xFD00C, "v128.const", "-> v128", imm.V128_CONST, kind="const", feature=_SIMD)
_row(0xFD00D, "i8x16.shuffle", "v128 v128 -> v128", imm.LANES, lanes=32, feature=_SIMD)
_run(0xFD00E, "i8x16", "swizzle", "v128 v128 -> v128", _SIMD)
_opcode = 0xFD015
for _i, (_shape, _lane) in enumerate(
    {"i8x16": "i32", "i16x8": "i32", "i32x4": "i32", "i64x2": "i64", "f32x4": "f32", "f64x2": "f64"}.items()
):
    _run(0xFD00F + _i, _shape, "splat", f"{_lane} -> v128", _SIMD)
    _count = int(_shape.partition("x")[2])
    for _name in ("extract_lane_s", "extract_lane_u") if _count >= 8 else ("extract_lane",):
        _row(_opcode, f"{_shape}.{_name}", f"v128 -> {_lane}", imm.LANE, lanes=_count, feature=_SIMD)
        _opcode += 1
    _row(_opcode, f"{_shape}.replace_lane", f"v128 {_lane} -> v128", imm.LANE, lanes=_count, feature=_SIMD)
    _opcode += 1
_VV = "v128 v128 -> v128"
_V = "v128 -> v128"
_SHIFT = "v128 i32 -> v128"
_TEST = "v128 -> i32"
_run(0xFD023, "i8x16", _INTEGER_COMPARISONS, _VV, _SIMD)
_run(0xFD02D, "i16x8", _INTEGER_COMPARISONS, _VV, _SIMD)
_run(0xFD037, "i32x4", _INTEGER_COMPARISONS, _VV, _SIMD)
_run(0xFD041, "f32x4", _FLOAT_COMPARISONS, _VV, _SIMD)
_run(0xFD047, "f64x2", _FLOAT_COMPARISONS, _VV, _SIMD)
_run(0xFD04D, "v128", "not", _V, _SIMD)
_run(0xFD04E, "v128", "and andnot or xor", _VV, _SIMD)
_run(0xFD052, "v128", "bitselect", "v128 v128 v128 -> v128", _SIMD)
_run(0xFD053, "v128", "any_true", _TEST, _SIMD)
_run(0xFD05E, "f32x4", "demote_f64x2_zero", _V, _SIMD)
_run(0xFD05F, "f64x2", "promote_low_f32x4", _V, _SIMD)
_run(0xFD060, "i8x16", "abs neg popcnt", _V, _SIMD)
_run(0xFD063, "i8x16", "all_true bitmask", _TEST, _SIMD)
_run(0xFD065, "i8x16", "narrow_i16x8_s narrow_i16x8_u", _VV, _SIMD)
_run(0xFD067, "f32x4", "ceil floor trunc nearest", _V, _SIMD)
_run(0xFD06B, "i8x16", "shl shr_s shr_u", _SHIFT, _SIMD)
_run(0xFD06E, "i8x16", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u", _VV, _SIMD)
_run(0xFD074, "f64x2", "ceil floor", _V, _SIMD)
_run(0xFD076, "i8x16", "min_s min_u max_s max_u _ avgr_u", _VV, _SIMD)
_run(0xFD07A, "f64x2", "trunc", _V, _SIMD)
_run(0xFD07C, "i16x8", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u", _V, _SIMD)
_run(0xFD07E, "i32x4", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u", _V, _SIMD)
_run(0xFD094, "f64x2", "nearest", _V, _SIMD)
for _opcode, _shape, _narrow, _wide, _mul in (
    (0xFD080, "i16x8", "i8x16", "i32x4", "q15mulr_sat_s"),
    (0xFD0A0, "i32x4", "i16x8", "", "_"),
    (0xFD0C0, "i64x2", "i32x4", "", "_"),
):
    _run(_opcode, _shape, "abs neg", _V, _SIMD)
    _run(_opcode + 0x02, _shape, _mul, _VV, _SIMD)
    _run(_opcode + 0x03, _shape, "all_true bitmask", _TEST, _SIMD)
    if _wide:
        _run(_opcode + 0x05, _shape, f"narrow_{_wide}_s narrow_{_wide}_u", _VV, _SIMD)
    _run(
        _opcode + 0x07,
        _shape,
        f"extend_low_{_narrow}_s extend_high_{_narrow}_s extend_low_{_narrow}_u extend_high_{_narrow}_u",
        _V,
        _SIMD,
    )
    _run(_opcode + 0x0B, _shape, "shl shr_s shr_u", _SHIFT, _SIMD)
    _saturating = _shape == "i16x8"
    _run(_opcode + 0x0E, _shape, "add add_sat_s add_sat_u sub" if _saturating else "add _ _ sub", _VV, _SIMD)
    if _saturating:
        _run(_opcode + 0x12, _shape, "sub_sat_s sub_sat_u", _VV, _SIMD)
    _run(_opcode + 0x15, _shape, "mul", _VV, _SIMD)
    if _shape != "i64x2":
        _run(_opcode + 0x16, _shape, "min_s min_u max_s max_u", _VV, _SIMD)
    _run(
        _opcode + 0x1C,
        _shape,
        f"extmul_low_{_narrow}_s extmul_high_{_narrow}_s extmul_low_{_narrow}_u extmul_high_{_narrow}_u",
        _VV,
        _SIMD,
    )
_run(0xFD09B, "i16x8", "avgr_u", _VV, _SIMD)
_run(0xFD0BA, "i32x4", "dot_i16x8_s", _VV, _SIMD)
_run(0xFD0D6, "i64x2", "eq ne lt_s gt_s le_s ge_s", _VV, _SIMD)
for _opcode, _shape in ((0xFD0E0, "f32x4"), (0xFD0EC, "f64x2")):
    _run(_opcode, _shape, "abs neg _ sqrt", _V, _SIMD)
    _run(_opcode + 4, _shape, "add sub mul div min max pmin pmax", _VV, _SIMD)
_run(0xFD0F8, "i32x4", "trunc_sat_f32x4_s trunc_sat_f32x4_u", _V, _SIMD)
_run(0xFD0FA, "f32x4", "convert_i32x4_s convert_i32x4_u", _V, _SIMD)
_run(0xFD0FC, "i32x4", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero", _V, _SIMD)
_run(0xFD0FE, "f64x2", "convert_low_i32x4_s convert_low_i32x4_u", _V, _SIMD)
_RELAXED = "relaxed-simd"
_VVV = "v128 v128 v128 -> v128"
_run(0xFD100, "i8x16", "relaxed_swizzle", _VV, _RELAXED)
_run(0xFD101, "i32x4", "relaxed_trunc_f32x4_s relaxed_trunc_f32x4_u", _V, _RELAXED)
_run(0xFD103, "i32x4", "relaxed_trunc_f64x2_s_zero relaxed_trunc_f64x2_u_zero", _V, _RELAXED)
_run(0xFD105, "f32x4", "relaxed_madd relaxed_nmadd", _VVV, _RELAXED)
_run(0xFD107, "f64x2", "relaxed_madd relaxed_nmadd", _VVV, _RELAXED)
for _i, _shape in enumerate(("i8x16", "i16x8", "i32x4", "i64x2")):
    _run(0xFD109 + _i, _shape, "relaxed_laneselect", _VVV, _RELAXED)
_run(0xFD10D, "f32x4", "relaxed_min relaxed_max", _VV, _RELAXED)
_run(0xFD10F, "f64x2", "relaxed_min relaxed_max", _VV, _RELAXED)
_run(0xFD111, "i16x8", "relaxed_q15mulr_s relaxed_dot_i8x16_i7x16_s", _VV, _RELAXED)
_run(0xFD113, "i32x4", "relaxed_dot_i8x16_i7x16_add_s", _VVV, _RELAXED)

# ---- atomics (threads proposal) ----


def _atomic(opcode: int, mnemonic: str, signature: str, width: int) -> None:
    _row(opcode, mnemonic, signature, imm.MEMORY_ARGUMENT, kind="atomic", width=width, feature="threads")


_atomic(0xFE000, "memory.atomic.notify", "i32 -> i32", 4)
_atomic(0xFE001, "memory.atomic.wait32", "i32 i64 -> i32", 4)
_atomic(0xFE002, "memory.atomic.wait64", "i64 i64 -> i32", 8)
_row(0xFE003, "atomic.fence", "->", imm.ZERO, kind="control", feature="threads")
_ATOMIC_SHAPES = (
    ("i32", "", 4),
    ("i64", "", 8),
    ("i32", "8", 1),
    ("i32", "16", 2),
    ("i64", "8", 1),
    ("i64", "16", 2),
    ("i64", "32", 4),
)
for _i, (_type, _narrow, _width) in enumerate(_ATOMIC_SHAPES):
    _unsigned = "_u" if _narrow else ""
    _atomic(0xFE010 + _i, f"{_type}.atomic.load{_narrow}{_unsigned}", f"-> {_type}", _width)
    _atomic(0xFE017 + _i, f"{_type}.atomic.store{_narrow}", f"{_type} ->", _width)
    for _opcode, _name in enumerate(("add", "sub", "and", "or", "xor", "xchg", "cmpxchg")):
        _operands = f"{_type} {_type}" if _name == "cmpxchg" else _type
        _atomic(
            0xFE01E + 7 * _opcode + _i,
            f"{_type}.atomic.rmw{_narrow}.{_name}{_unsigned}",
            f"{_operands} -> {_type}",
            _width,
        )

BY_OPCODE: dict[int, Instruction] = {row.opcode: row for row in INSTRUCTIONS}
BY_MNEMONIC: dict[str, tuple[Instruction, ...]] = {}
for _instruction in INSTRUCTIONS:
    BY_MNEMONIC[_instruction.mnemonic] = (*BY_MNEMONIC.get(_instruction.mnemonic, ()), _instruction)
