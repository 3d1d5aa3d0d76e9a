;; Each export does one call of WASI n times, on the preopened directory 3; it gives the last error number.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "data.bin")
  ;; an iovec of 64 bytes
  (data (i32.const 16) "\00\04\00\00\40\00\00\00")
  (func $open (param $flags i32) (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 8) (local.get $flags)
      (i64.const 0x42) (i64.const 0) (i32.const 0) (i32.const 32)))
  (func (export "fd_write") (param $n i32) (result i32) (local $last i32)
    (if (call $open (i32.const 9)) (then (return (i32.const -1))))
    (loop
      (local.set $last (call $fd_write (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 36)))
      (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (drop (call $fd_close (i32.load (i32.const 32))))
    (local.get $last))
  (func (export "fd_read") (param $n i32) (result i32) (local $last i32)
    (if (call $open (i32.const 0)) (then (return (i32.const -1))))
    (loop
      (local.set $last (call $fd_read (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 36)))
      (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (drop (call $fd_close (i32.load (i32.const 32))))
    (local.get $last))
  (func (export "path_open + fd_close") (param $n i32) (result i32) (local $last i32)
    (loop
      (if (call $open (i32.const 0)) (then (return (i32.const -1))))
      (local.set $last (call $fd_close (i32.load (i32.const 32))))
      (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $last))
  (func (export "clock_time_get") (param $n i32) (result i32) (local $last i32)
    (loop
      (local.set $last (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 40)))
      (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $last)))
