;; Greets its first argument, or the world, on standard output.
(module $hello
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory $memory (export "memory") 1)
  (data $hello (i32.const 1024) "Hello, ")
  (data $world (i32.const 1040) "world")
  (data $end (i32.const 1056) "!\nThis line was written by WebAssembly, run one instruction at a time.\n")

  (func $print (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $length_of (param $text i32) (result i32) (local $cursor i32)
    (local.set $cursor (local.get $text))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load8_u (local.get $cursor))))
        (local.set $cursor (i32.add (local.get $cursor) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $cursor) (local.get $text)))

  (func $greet_guest (local $name i32)
    (drop (call $args_get (i32.const 4096) (i32.const 8192)))
    (local.set $name (i32.load (i32.const 4100)))
    (call $print (local.get $name) (call $length_of (local.get $name))))

  (func $main (export "_start")
    (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
    (call $print (i32.const 1024) (i32.const 7))
    (if (i32.gt_u (i32.load (i32.const 16)) (i32.const 1))
      (then (call $greet_guest))
      (else (call $print (i32.const 1040) (i32.const 5))))
    (call $print (i32.const 1056) (i32.const 71))))
