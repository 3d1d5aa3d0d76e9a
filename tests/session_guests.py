"""Small guests for the tests of sessions: their text, and the bytes that wasm-tools made of it.

Pyodide has no wasm-tools, so the bytes stand here; on CPython a test compares the two.
"""

from __future__ import annotations

TEXTS = {
    # echoes lines until the end of input, then exits with 7
    "echo": """
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (i32.store (i32.const 0) (i32.const 64))
      (i32.store (i32.const 4) (i32.const 32))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.eqz (i32.load (i32.const 8))) (then (call $exit (i32.const 7))))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))
""",
    # never ends; counts in a global and writes the count to page after page
    "endless": """
(module $endless
  (memory $pages (export "memory") 2 4)
  (global $count (export "count") (mut i32) (i32.const 0))
  (func $main (export "_start")
    (loop $forever
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.store (i32.and (i32.mul (global.get $count) (i32.const 4096)) (i32.const 0x1ffff)) (global.get $count))
      (br $forever))))
""",
    # functions to call; `outer` traps for 0 two calls down
    "calls": """
(module $calls
  (type $unary (func (param i32) (result i32)))
  (table $table (export "table") 3 funcref)
  (elem (i32.const 0) $double $outer)
  (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
  (func $inner (param $x i32) (result i32) (i32.div_u (i32.const 100) (local.get $x)))
  (func $outer (export "outer") (param $given i32) (result i32) (local $found i32)
    (local.set $found (call $inner (local.get $given)))
    (i32.add (local.get $found) (i32.const 1)))
  (func (export "all") (param i32 i64 f32 f64) (result i32 i64 f32 f64)
    (local.get 0) (local.get 1) (local.get 2) (local.get 3))
  (func (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (call 4 (i32.sub (local.get 0) (i32.const 1))))
      (else (unreachable))))
  (func (export "change")
    (table.set (i32.const 2) (ref.func $double))))
""",
    # sleeps 50 ms, then writes ten bytes to standard output and six to standard error
    "sleeper": """
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "out\\n")
  (data (i32.const 1032) "err\\n")
  (func $print (param i32 i32)
    (i32.store (i32.const 0) (local.get 1))
    (i32.store (i32.const 4) (i32.const 4))
    (drop (call $write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (i32.store (i32.const 528) (i32.const 1))
    (i64.store (i32.const 536) (i64.const 50000000))
    (drop (call $poll (i32.const 512) (i32.const 576) (i32.const 1) (i32.const 624)))
    (call $print (i32.const 1) (i32.const 1024))
    (call $print (i32.const 2) (i32.const 1032))))
""",
    # prints 4 KiB again and again
    "flood": """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 4) (i32.const 4096))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br $again))))
""",
    # its start function never ends
    "stuck": """
(module
  (func $start (loop $forever (br $forever)))
  (start $start)
  (func (export "_start")))
""",
    # copies /data/in.txt to /data/sub/out.txt
    "files": """
(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "in.txt")
  (data (i32.const 1032) "sub/out.txt")
  (func (export "_start")
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 6) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
    (drop (call $mkdir (i32.const 3) (i32.const 1032) (i32.const 3)))
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 1032) (i32.const 11) (i32.const 1)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 20)))
    (i32.store (i32.const 0) (i32.const 2048))
    (i32.store (i32.const 4) (i32.const 100))
    (drop (call $read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 4)))
    (drop (call $write (i32.load (i32.const 20)) (i32.const 0) (i32.const 1) (i32.const 8)))))
""",
    # asks for what nobody has
    "stranger": """
(module
  (import "env" "magic" (func (param i32) (result i32)))
  (func (export "_start")))
""",
}

BYTES = {
    "echo": (
        "0061736d0100000001100360047f7f7f7f017f60017f0060000002670316776173695f736e617073686f745f707265766965"
        "77310766645f72656164000016776173695f736e617073686f745f70726576696577310866645f7772697465000016776173"
        "695f736e617073686f745f70726576696577310970726f635f657869740001030201020503010001071302066d656d6f7279"
        "0200065f737461727400030a450143000340410041c00036020041044120360200410041004101410810001a410828020045"
        "0440410710020b41044108280200360200410141004101410810011a0c000b0b0027046e616d650114030004726561640105"
        "7772697465020465786974030a0103010005616761696e"
    ),
    "endless": (
        "0061736d01000000010401600000030201000504010102040606017f0141000b071b03066d656d6f7279020005636f756e74"
        "0300065f737461727400000a20011e000340230041016a240023004180206c41ffff077123003602000c000b0b003a046e61"
        "6d65000807656e646c65737301070100046d61696e030c0100010007666f7265766572060801000570616765730708010005"
        "636f756e74"
    ),
    "calls": (
        "0061736d0100000001140360017f017f60047f7e7d7c047f7e7d7c6000000307060000000100020404017000030727050574"
        "61626c650100056f75746572000203616c6c000304646565700004066368616e676500050908010041000b0200020a470607"
        "00200041026c0b080041e40020006e0b0f01017f200010012101200141016a0b0a0020002001200220030b10002000047f20"
        "0041016b100405000b0b08004102d20026000b0052046e616d6500060563616c6c730117030006646f75626c650105696e6e"
        "657202056f75746572021602010100017802020005676976656e0105666f756e640408010005756e61727905080100057461"
        "626c65"
    ),
    "sleeper": (
        "0061736d0100000001110360047f7f7f7f017f60027f7f0060000002480216776173695f736e617073686f745f7072657669"
        "6577310b706f6c6c5f6f6e656f6666000016776173695f736e617073686f745f70726576696577310866645f777269746500"
        "0003030201020503010001071302066d656d6f72790200065f737461727400030a4f021b0041002001360200410441043602"
        "00200041004101410810011a0b310041900441013602004198044280e1eb1737030041800441c004410141f00410001a4101"
        "4180081002410241880810020b0b1502004180080b046f75740a004188080b046572720a001c046e616d650115030004706f"
        "6c6c0105777269746502057072696e74"
    ),
    "flood": (
        "0061736d01000000010c0260047f7f7f7f017f60000002230116776173695f736e617073686f745f70726576696577310866"
        "645f77726974650000030201010503010001071302066d656d6f72790200065f737461727400010a1c011a00410441802036"
        "02000340410141004101410810001a0c000b0b001b046e616d6501080100057772697465030a0101010005616761696e"
    ),
    "stuck": (
        "0061736d010000000104016000000303020000070a01065f737461727400010801000a0c02070003400c000b0b02000b001d"
        "046e616d6501080100057374617274030c0100010007666f7265766572"
    ),
    "files": (
        "0061736d0100000001200460097f7f7f7f7f7e7e7f7f017f60037f7f7f017f60047f7f7f7f017f6000000296010416776173"
        "695f736e617073686f745f707265766965773109706174685f6f70656e000016776173695f736e617073686f745f70726576"
        "6965773115706174685f6372656174655f6469726563746f7279000116776173695f736e617073686f745f70726576696577"
        "310766645f72656164000216776173695f736e617073686f745f70726576696577310866645f777269746500020302010305"
        "03010001071302066d656d6f72790200065f737461727400040a670165004103410041800841064100420242004100411010"
        "001a4103418808410310011a41034100418808410b410142c00042004100411410001a4100418010360200410441e4003602"
        "00411028020041004101410410021a411428020041004101410810031a0b0b1e02004180080b06696e2e747874004188080b"
        "0b7375622f6f75742e7478740022046e616d65011b0400046f70656e01056d6b64697202047265616403057772697465"
    ),
    "stranger": (
        "0061736d0100000001090260017f017f600000020d0103656e76056d61676963000003020101070a01065f73746172740001"
        "0a040102000b"
    ),
}
"""In hexadecimal."""


def guest(name: str) -> bytes:
    """The bytes of a guest."""
    return bytes.fromhex(BYTES[name])
