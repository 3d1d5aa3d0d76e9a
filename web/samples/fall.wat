;; Traps deep in nested calls. The first argument picks the trap: z(ero), u(nreachable), m(emory), i(ndirect), s(tack).
(module $fall
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (type $nothing (func))
  (memory $memory (export "memory") 1 1)
  (table $empty 4 funcref)
  (data (i32.const 1024) "Stepping towards the edge.\n")

  (func $print (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $choice (result i32)
    (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
    (if (i32.lt_u (i32.load (i32.const 16)) (i32.const 2))
      (then (return (i32.const 0x7a))))
    (drop (call $args_get (i32.const 4096) (i32.const 8192)))
    (i32.load8_u (i32.load (i32.const 4100))))

  (func $forever_deeper (param $depth i32) (result i32)
    (i32.add (i32.const 1) (call $forever_deeper (i32.add (local.get $depth) (i32.const 1)))))

  (func $share (param $cake i32) (param $guests i32) (result i32)
    (i32.div_s (local.get $cake) (local.get $guests)))

  (func $edge (param $choice i32)
    (if (i32.eq (local.get $choice) (i32.const 0x75)) (then (unreachable)))
    (if (i32.eq (local.get $choice) (i32.const 0x6d)) (then (i64.store offset=65532 (i32.const 0) (i64.const -1))))
    (if (i32.eq (local.get $choice) (i32.const 0x69)) (then (call_indirect $empty (type $nothing) (i32.const 3))))
    (if (i32.eq (local.get $choice) (i32.const 0x73)) (then (drop (call $forever_deeper (i32.const 0)))))
    (drop (call $share (i32.const 7) (i32.const 0))))

  (func $walk (param $steps i32) (param $choice i32)
    (if (i32.eqz (local.get $steps))
      (then (call $edge (local.get $choice)))
      (else (call $walk (i32.sub (local.get $steps) (i32.const 1)) (local.get $choice)))))

  (func $main (export "_start")
    (call $print (i32.const 1024) (i32.const 27))
    (call $walk (i32.const 3) (call $choice))))
