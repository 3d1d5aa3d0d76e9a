;; Prints as fast as it can, for ever: the page must stay calm, and Stop must work.
(module $flood
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory $memory (export "memory") 1)
  (global $line (mut i32) (i32.const 0))
  (data (i32.const 1024) "line 00000000  water, water, every where, nor any drop to drink\n")

  ;; Sixteen copies of the line go out with one call.
  (func $gather (local $index i32)
    (loop $next
      (i32.store (i32.shl (local.get $index) (i32.const 3)) (i32.const 1024))
      (i32.store offset=4 (i32.shl (local.get $index) (i32.const 3)) (i32.const 64))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $index) (i32.const 16)))))

  (func $stamp (local $at i32) (local $value i32)
    (local.set $at (i32.const 1036))
    (local.set $value (global.get $line))
    (loop $digit
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
      (local.set $value (i32.div_u (local.get $value) (i32.const 10)))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (br_if $digit (local.get $value))))

  (func $main (export "_start")
    (call $gather)
    (loop $forever
      (call $stamp)
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 16) (i32.const 512)))
      (global.set $line (i32.add (global.get $line) (i32.const 1)))
      (br $forever))))
