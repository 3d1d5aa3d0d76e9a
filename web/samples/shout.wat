;; Reads /data/poem.txt, turns its letters into capitals, and writes them to /data/POEM.txt and standard output.
(module $shout
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory $memory (export "memory") 2)
  (data $from (i32.const 1024) "poem.txt")
  (data $to (i32.const 1040) "POEM.txt")
  (data $missing (i32.const 1056) "There is no /data/poem.txt. Add one under Files.\n")

  (func $write (param $fd i32) (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))

  ;; Opens below the first preopened directory; -1 when that fails.
  (func $open (param $path i32) (param $flags i32) (param $rights i64) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $path) (i32.const 8)
          (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16))
      (then (return (i32.const -1))))
    (i32.load (i32.const 16)))

  (func $read (param $fd i32) (result i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (drop (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))

  (func $capitals (param $from i32) (param $length i32) (local $byte i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $byte (i32.load8_u (local.get $from)))
        (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 26))
          (then (i32.store8 (local.get $from) (i32.sub (local.get $byte) (i32.const 32)))))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $next))))

  (func $main (export "_start") (local $in i32) (local $out i32) (local $length i32)
    (local.set $in (call $open (i32.const 1024) (i32.const 0) (i64.const 2)))
    (if (i32.lt_s (local.get $in) (i32.const 0))
      (then
        (call $write (i32.const 2) (i32.const 1056) (i32.const 49))
        (call $proc_exit (i32.const 1))))
    (local.set $out (call $open (i32.const 1040) (i32.const 9) (i64.const 64)))
    (loop $next
      (local.set $length (call $read (local.get $in)))
      (call $capitals (i32.const 65536) (local.get $length))
      (call $write (local.get $out) (i32.const 65536) (local.get $length))
      (call $write (i32.const 1) (i32.const 65536) (local.get $length))
      (br_if $next (local.get $length)))
    (drop (call $fd_close (local.get $in)))
    (drop (call $fd_close (local.get $out)))))
