"""Guests for the tests of linking, the embedding API and the command line.

Each is written in the text format, with the bytes that wasm-tools makes of it beside it; a test compares the two
where wasm-tools is installed.
"""

from __future__ import annotations

from typing import NamedTuple


class Guest(NamedTuple):
    """A module: its text, and its bytes in hexadecimal."""

    text: str
    code: str

    @property
    def wasm(self) -> bytes:
        return bytes.fromhex(self.code)


CALCULATOR = Guest(
    """(module $calculator
      (func $add (export "add") (param $a i32) (param $b i32) (result i32) local.get $a local.get $b i32.add)
      (func $div (export "div") (param $a i32) (param $b i32) (result i32) local.get $a local.get $b i32.div_s))
    """,
    "0061736d0100000001070160027f7f017f0303020000070d020361646400000364697600010a11020700200020016a0b070020002001"
    "6d0b0032046e616d65000b0a63616c63756c61746f72010b020003616464010364697602110200020001610101620102000161010162",
)

VALUES = Guest(
    """(module
      (import "env" "f" (func $f (param i32) (result i64)))
      (memory (export "mem") 1 3)
      (table (export "tab") 2 10 funcref)
      (table (export "ext") 2 externref)
      (global (export "g") (mut i32) (i32.const -1))
      (global (export "c") i64 (i64.const -2))
      (global (export "null") funcref (ref.null func))
      (func (export "i32") (param i32) (result i32) local.get 0)
      (func (export "i64") (param i64) (result i64) local.get 0)
      (func (export "f32") (param f32) (result f32) local.get 0)
      (func (export "f64") (param f64) (result f64) local.get 0)
      (func (export "externref") (param externref) (result externref) local.get 0)
      (func (export "funcref") (param funcref) (result funcref) local.get 0)
      (func (export "two") (result i32 f64) i32.const -1 f64.const 0.5)
      (func (export "none"))
      (func (export "call f") (param i32) (result i64) local.get 0 call $f)
      (func (export "load") (param i32) (result i32) local.get 0 i32.load)
      (func $boom (export "boom") unreachable)
      (func $outer (export "outer") nop call $boom)
      (func $deep (export "deep") call $deep)
      (elem (table 0) (i32.const 0) func $boom))
    """,
    "0061736d01000000012c0960017f017e60017f017f60017e017e60017d017d60017c017c60016f016f60017001706000027f7c600000"
    "02090103656e7601660000030e0d010203040506070800010808080408027001020a6f00020504010101030610037f01417f0b7e0042"
    "7e0b7000d0700b07830113036d656d02000374616201000365787401010167030001630301046e756c6c030203693332000103693634"
    "00020366333200030366363400040965787465726e72656600050766756e6372656600060374776f0007046e6f6e6500080663616c6c"
    "20660009046c6f6164000a04626f6f6d000b056f75746572000c0464656570000d090901020041000b00010b0a4e0d040020000b0400"
    "20000b040020000b040020000b040020000b040020000b0d00417f44000000000000e03f0b02000b0600200010000b07002000280200"
    "0b0300000b050001100b0b0400100d0b001e046e616d650117040001660b04626f6f6d0c056f757465720d0464656570",
)

CALLBACKS = Guest(
    """(module
      (import "env" "none" (func $none))
      (import "env" "two" (func $two (result i32 i64)))
      (memory (export "memory") 1)
      (data (i32.const 8) "caller")
      (func (export "none") call $none)
      (func (export "nested") call $middle)
      (func $middle call $none)
      (func (export "two") (result i32 i64) call $two))
    """,
    "0061736d010000000109026000006000027f7e02160203656e76046e6f6e65000003656e760374776f00010305040000000105030100"
    "01072004066d656d6f72790200046e6f6e650002066e657374656400030374776f00050a1504040010000b040010040b040010000b04"
    "0010010b0b0c010041080b0663616c6c6572001b046e616d6501140300046e6f6e65010374776f04066d6964646c65",
)

LOOPS = Guest(
    """(module
      (global $n (export "n") (mut i64) (i64.const 0))
      (func (export "forever") (loop $again (global.set $n (i64.add (global.get $n) (i64.const 1))) br $again))
      (func (export "count") (param i32) (result i32)
        (loop $again
          (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
          (br_if $again (local.get 0)))
        i32.const 7)
      (func (export "nothing"))
      (func (export "four") nop i32.const 1 drop))
    """,
    "0061736d0100000001090260000060017f017f030504000100000606017e0142000b072805016e030007666f7265766572000005636f"
    "756e740001076e6f7468696e67000204666f757200030a2d040e000340230042017c24000c000b0b12000340200041016b210020000d"
    "000b41070b02000b06000141011a0b0020046e616d6503130200010005616761696e01010005616761696e07040100016e",
)

STARTED = Guest(
    """(module
      (import "env" "hello" (func $hello))
      (global (export "ran") (mut i32) (i32.const 0))
      (func $start call $hello (global.set 0 (i32.const 1)))
      (start $start))
    """,
    "0061736d01000000010401600000020d0103656e760568656c6c6f0000030201000606017f0141000b0707010372616e03000801010a"
    "0a0108001000410124000b0016046e616d65010f02000568656c6c6f01057374617274",
)

START_TRAPS = Guest(
    """(module (func $start unreachable) (start $start))
    """,
    "0061736d01000000010401600000030201000801000a05010300000b000f046e616d6501080100057374617274",
)

PROVIDER = Guest(
    """(module $provider
      (type $t (func (param i32) (result i32)))
      (memory (export "memory") 1 4)
      (table (export "table") 3 6 funcref)
      (global (export "constant") i32 (i32.const 2))
      (global (export "variable") (mut i64) (i64.const 9))
      (tag (export "tag") (param i32))
      (func $double (export "double") (type $t) local.get 0 i32.const 2 i32.mul)
      (func (export "peek") (param i32) (result i32) local.get 0 i32.load8_u)
      (func (export "call") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 1) (local.get 0)))
      (elem (i32.const 0) $double))
    """,
    "0061736d0100000001100360017f017f60017f0060027f7f017f030403000002040501700103060504010101040d03010001060b027f"
    "0041020b7e0142090b074508066d656d6f72790200057461626c65010008636f6e7374616e740300087661726961626c650301037461"
    "67040006646f75626c650000047065656b00010463616c6c00020907010041000b01000a1b030700200041026c0b070020002d00000b"
    "0900200120001100000b0021046e616d6500090870726f76696465720109010006646f75626c65040401000174",
)

CONSUMER = Guest(
    """(module
      (type $t (func (param i32) (result i32)))
      (import "p" "memory" (memory 1))
      (import "p" "table" (table 2 funcref))
      (import "p" "constant" (global $c i32))
      (import "p" "variable" (global $v (mut i64)))
      (import "p" "double" (func $double (type $t)))
      (import "p" "tag" (tag (param i32)))
      (func $triple (export "triple") (type $t) local.get 0 i32.const 3 i32.mul)
      (func (export "quadruple") (type $t) local.get 0 call $double call $double)
      (func (export "bump") (global.set $v (i64.add (global.get $v) (i64.const 1))))
      (elem (global.get $c) func $triple)
      (elem (i32.const 1) $triple)
      (data (i32.const 3) "shared"))
    """,
    "0061736d01000000010d0360017f017f60017f006000000249060170066d656d6f72790200010170057461626c650170000201700863"
    "6f6e7374616e74037f000170087661726961626c65037e01017006646f75626c650000017003746167040001030403000002071d0306"
    "747269706c65000109717561647275706c6500020462756d700003090d020023000b01010041010b01010a1c030700200041036c0b08"
    "002000100010000b0900230142017c24010b0b0c010041030b067368617265640027046e616d650111020006646f75626c6501067472"
    "69706c65040401000174070702000163010176",
)

TOO_FAR = Guest(
    """(module
      (import "p" "memory" (memory 1))
      (import "p" "table" (table 1 funcref))
      (func $f)
      (elem (i32.const 2) $f)
      (data (i32.const 0) "kept")
      (data (i32.const 65535) "lost"))
    """,
    "0061736d010000000104016000000219020170066d656d6f72790200010170057461626c6501700001030201000907010041020b0100"
    "0a040102000b0b15020041000b046b6570740041ffff030b046c6f7374000b046e616d65010401000166",
)

TABLE_TOO_FAR = Guest(
    """(module
      (import "p" "memory" (memory 1))
      (import "p" "table" (table 1 funcref))
      (func $f)
      (elem (i32.const 2) $f)
      (elem (i32.const 3) $f)
      (data (i32.const 0) "never"))
    """,
    "0061736d010000000104016000000219020170066d656d6f72790200010170057461626c650170000103020100090d020041020b0100"
    "0041030b01000a040102000b0b0b010041000b056e65766572000b046e616d65010401000166",
)

CONSTANTS = Guest(
    """(module
      (type $pair (struct (field i32) (field (mut i8)) (field (ref null func))))
      (type $bytes (array i8))
      (type $numbers (array (mut i64)))
      (import "env" "base" (global $base i32))
      (global (export "sum") i32 (i32.add (i32.mul (global.get $base) (i32.const 3)) (i32.const -1)))
      (global (export "wide") i64 (i64.sub (i64.const 0) (i64.const 1)))
      (global (export "f32") f32 (f32.const 0.1))
      (global (export "f32 nan") f32 (f32.const nan:0x200001))
      (global (export "f64") f64 (f64.const -0.0))
      (global (export "v128") v128 (v128.const i8x16 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 128))
      (global (export "func") funcref (ref.func $f))
      (global (export "null") externref (ref.null extern))
      (global $i31 (export "i31") i31ref (ref.i31 (i32.const -1)))
      (global (export "again") i31ref (global.get $i31))
      (global (export "pair") (ref $pair) (struct.new $pair (i32.const 5) (i32.const 0x1ff) (ref.func $f)))
      (global (export "default pair") (ref $pair) (struct.new_default $pair))
      (global (export "bytes") (ref $bytes) (array.new_fixed $bytes 3 (i32.const 1) (i32.const -1) (i32.const 256)))
      (global (export "numbers") (ref $numbers) (array.new $numbers (i64.const -1) (i32.const 2)))
      (global (export "zeros") (ref $numbers) (array.new_default $numbers (i32.const 4)))
      (global (export "extern") externref (extern.convert_any (global.get $i31)))
      (table (export "table") 2 funcref (ref.func $f))
      (func $f (export "f")))
    """,
    "0061736d010000000112045f037f00780170005e78005e7e01600000020d0103656e760462617365037f000302010304090140007000"
    "02d2000b069a01107f00230041036c417f6a0b7e00420042017d0b7d0043cdcccc3d0b7d00430100a07f0b7c00440000000000000080"
    "0b7b00fd0c010000000000000000000000000000800b7000d2000b6f00d06f0b6c00417ffb1c0b6c0023090b640000410541ff03d200"
    "fb00000b640000fb01000b6401004101417f418002fb0801030b640200427f4102fb06020b6402004104fb07020b6f002309fb1b0b07"
    "8c01120373756d03010477696465030203663332030307663332206e616e0304036636340305047631323803060466756e630307046e"
    "756c6c030803693331030905616761696e030a0470616972030b0c64656661756c742070616972030c056279746573030d076e756d62"
    "657273030e057a65726f73030f0665787465726e0310057461626c650100016600000a040102000b0032046e616d6501040100016604"
    "17030004706169720105627974657302076e756d62657273070c020004626173650903693331",
)

HUGE_CONSTANT = Guest(
    """(module
      (type $bytes (array i8))
      (global (ref $bytes) (array.new $bytes (i32.const 0) (i32.const 0x7fffffff))))
    """,
    "0061736d010000000104015e7800061001640000410041ffffffff07fb06000b000f046e616d6504080100056279746573",
)

SEGMENTS = Guest(
    """(module
      (memory (export "memory") 1)
      (table (export "table") 4 funcref)
      (func $f)
      (elem $passive func $f $f)
      (elem $declared declare func $f)
      (elem $active (i32.const 0) $f)
      (data $passive "passive")
      (data $active (i32.const 0) "active")
      (func (export "init") (memory.init $passive (i32.const 16) (i32.const 0) (i32.const 7)))
      (func (export "init active") (memory.init $active (i32.const 16) (i32.const 0) (i32.const 1)))
      (func (export "init table") (table.init $passive (i32.const 2) (i32.const 0) (i32.const 2)))
      (func (export "init declared") (table.init $declared (i32.const 2) (i32.const 0) (i32.const 1))))
    """,
    "0061736d0100000001040160000003060500000000000404017000040503010001074406066d656d6f72790200057461626c65010004"
    "696e697400010b696e69742061637469766500020a696e6974207461626c6500030d696e6974206465636c6172656400040910030100"
    "020000030001000041000b01000c01020a380502000b0c00411041004107fc0800000b0c00411041004101fc0801000b0c0041024100"
    "4102fc0c00000b0c00410241004101fc0c01000b0b15020107706173736976650041000b06616374697665003d046e616d6501040100"
    "0166081c0300077061737369766501086465636c6172656402066163746976650912020007706173736976650106616374697665",
)

COMMAND = Guest(
    """(module
      (global $n (mut i32) (i32.const 0))
      (memory (export "memory") 1)
      (func (export "_start") (global.set $n (i32.const 100)))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        global.get $n))
    """,
    "0061736d010000000108026000006000017f030302000105030100010606017f0141000b071a03066d656d6f72790200065f73746172"
    "740000046e65787400010a1502070041e40024000b0b00230041016a240023000b000b046e616d6507040100016e",
)

COMMAND_CALLS = Guest(
    """(module
      (import "env" "hello" (func $hello))
      (func (export "_start") call $hello))
    """,
    "0061736d01000000010401600000020d0103656e760568656c6c6f000003020100070a01065f737461727400010a0601040010000b00"
    "0f046e616d65010801000568656c6c6f",
)

REACTOR = Guest(
    """(module
      (global $n (mut i32) (i32.const 0))
      (memory (export "memory") 1)
      (func (export "_initialize") (global.set $n (i32.const 100)))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        global.get $n))
    """,
    "0061736d010000000108026000006000017f030302000105030100010606017f0141000b071f03066d656d6f727902000b5f696e6974"
    "69616c697a650000046e65787400010a1502070041e40024000b0b00230041016a240023000b000b046e616d6507040100016e",
)

DEFAULT = Guest(
    """(module (func (export "") (result i32) i32.const 5))
    """,
    "0061736d010000000105016000017f030201000704010000000a0601040041050b",
)

WANTS = Guest(
    """(module
      (import "env" "f" (func $f (param i32) (result i32 externref)))
      (import "env" "m" (memory 2))
      (import "env" "t" (table 3 funcref))
      (import "env" "g" (global (mut f64)))
      (export "m" (memory 0))
      (func (export "call") (result i32 externref) i32.const 1 call $f))
    """,
    "0061736d01000000010c0260017f027f6f6000027f6f02250403656e760166000003656e76016d02000203656e760174017000030365"
    "6e760167037c0103020101070c02016d02000463616c6c00010a08010600410110000b000b046e616d65010401000166",
)

WANTS_FUNCTION = Guest(
    """(module
      (import "env" "f" (func $f (param i32) (result i32)))
      (func (export "call") (result i32) i32.const 1 call $f))
    """,
    "0061736d01000000010a0260017f017f6000017f02090103656e7601660000030201010708010463616c6c00010a0801060041011000"
    "0b000b046e616d65010401000166",
)

GREETER = Guest(
    """(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "args_get" (func $arguments (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 100) "oops\\n")
      ;; writes its arguments, each behind a zero, then what it reads; complains; exits with the number of arguments
      (func (export "_start")
        (drop (call $sizes (i32.const 0) (i32.const 4)))
        (drop (call $arguments (i32.const 1000) (i32.const 2000)))
        (call $put (i32.const 1) (i32.const 2000) (i32.load (i32.const 4)))
        (loop $more
          (i32.store (i32.const 16) (i32.const 4000))
          (i32.store (i32.const 20) (i32.const 1000))
          (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
          (if (i32.load (i32.const 24))
            (then
              (call $put (i32.const 1) (i32.const 4000) (i32.load (i32.const 24)))
              (br $more))))
        (call $put (i32.const 2) (i32.const 100) (i32.const 5))
        (call $exit (i32.load (i32.const 0))))
      (func $put (param $fd i32) (param $from i32) (param $count i32)
        (i32.store (i32.const 16) (local.get $from))
        (i32.store (i32.const 20) (local.get $count))
        (drop (call $write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 24)))))
    """,
    "0061736d01000000011c0560047f7f7f7f017f60017f0060027f7f017f60000060037f7f7f0002b1010516776173695f736e61707368"
    "6f745f70726576696577310866645f7772697465000016776173695f736e617073686f745f70726576696577310766645f7265616400"
    "0016776173695f736e617073686f745f70726576696577310970726f635f65786974000116776173695f736e617073686f745f707265"
    "76696577310e617267735f73697a65735f676574000216776173695f736e617073686f745f707265766965773108617267735f676574"
    "000203030203040503010001071302066d656d6f72790200065f737461727400050a80010262004100410410031a41e80741d00f1004"
    "1a410141d00f410428020010060340411041a01f360200411441e807360200410041104101411810011a41182802000440410141a01f"
    "411828020010060c010b0b410241e40041051006410028020010020b1b00411020013602004114200236020020004110410141181000"
    "1a0b0b0c010041e4000b056f6f70730a0053046e616d65012b0600057772697465010472656164020465786974030573697a65730409"
    "617267756d656e74730603707574021401060300026664010466726f6d0205636f756e74030901050100046d6f7265",
)

ILL_TYPED = Guest(
    """(module (func $wrong (export "wrong") (result i32) i64.const 0))
    """,
    "0061736d010000000105016000017f030201000709010577726f6e6700000a0601040042000b000f046e616d65010801000577726f6e67",
)

RECURSION = Guest(
    """(module (func $deep (export "deep") call $deep))
    """,
    "0061736d0100000001040160000003020100070801046465657000000a0601040010000b000e046e616d65010701000464656570",
)

RESULTS = Guest(
    """(module
      (func (export "results") (param f32 f64 i64) (result f32 f64 i64) local.get 0 local.get 1 local.get 2))
    """,
    "0061736d01000000010a0160037d7c7e037d7c7e03020100070b0107726573756c747300000a0a0108002000200120020b",
)
