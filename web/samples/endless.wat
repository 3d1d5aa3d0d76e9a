;; Never ends and never waits: the Collatz lengths of all numbers, one after the other.
(module $endless
  (memory $memory (export "memory") 4)
  (global $number (export "number") (mut i64) (i64.const 1))
  (global $longest (export "longest") (mut i32) (i32.const 0))

  (func $length_of (param $value i64) (result i32) (local $steps i32)
    (block $done
      (loop $next
        (br_if $done (i64.le_u (local.get $value) (i64.const 1)))
        (local.set $value
          (if (result i64) (i64.eqz (i64.and (local.get $value) (i64.const 1)))
            (then (i64.shr_u (local.get $value) (i64.const 1)))
            (else (i64.add (i64.mul (local.get $value) (i64.const 3)) (i64.const 1)))))
        (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
        (br $next)))
    (local.get $steps))

  ;; Keeps the length, as 16 bits, in a ring of 256 KiB, so that the memory map shows where it is.
  (func $note (param $steps i32)
    (i32.store16
      (i32.and (i32.mul (i32.wrap_i64 (global.get $number)) (i32.const 514)) (i32.const 0x3fffe))
      (local.get $steps))
    (if (i32.gt_u (local.get $steps) (global.get $longest))
      (then (global.set $longest (local.get $steps)))))

  (func $main (export "_start")
    (loop $forever
      (call $note (call $length_of (global.get $number)))
      (global.set $number (i64.add (global.get $number) (i64.const 1)))
      (br $forever))))
