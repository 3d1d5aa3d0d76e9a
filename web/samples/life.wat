;; Conway's Game of Life on a torus, drawn in the terminal. Each generation reads one board and writes the other.
(module $life
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  ;; The boards stand at 64 KiB and 128 KiB, the picture at 192 KiB; a cell is one byte.
  (memory $memory (export "memory") 4)
  (global $width i32 (i32.const 34))
  (global $height i32 (i32.const 20))
  (global $board (mut i32) (i32.const 65536))
  (global $next (mut i32) (i32.const 131072))
  (global $generation (mut i32) (i32.const 0))
  (global $alive (mut i32) (i32.const 0))
  (data (i32.const 1024) "\1b[H")

  (func $wrap (param $value i32) (param $size i32) (result i32)
    (i32.rem_u (i32.add (local.get $value) (local.get $size)) (local.get $size)))

  (func $cell (param $x i32) (param $y i32) (result i32)
    (i32.load8_u
      (i32.add (global.get $board)
        (i32.add (i32.mul (call $wrap (local.get $y) (global.get $height)) (global.get $width))
                 (call $wrap (local.get $x) (global.get $width))))))

  (func $neighbours (param $x i32) (param $y i32) (result i32) (local $left i32) (local $right i32)
    (local.set $left (i32.sub (local.get $x) (i32.const 1)))
    (local.set $right (i32.add (local.get $x) (i32.const 1)))
    (call $cell (local.get $left) (i32.sub (local.get $y) (i32.const 1)))
    (i32.add (call $cell (local.get $x) (i32.sub (local.get $y) (i32.const 1))))
    (i32.add (call $cell (local.get $right) (i32.sub (local.get $y) (i32.const 1))))
    (i32.add (call $cell (local.get $left) (local.get $y)))
    (i32.add (call $cell (local.get $right) (local.get $y)))
    (i32.add (call $cell (local.get $left) (i32.add (local.get $y) (i32.const 1))))
    (i32.add (call $cell (local.get $x) (i32.add (local.get $y) (i32.const 1))))
    (i32.add (call $cell (local.get $right) (i32.add (local.get $y) (i32.const 1)))))

  (func $seed (local $at i32)
    (drop (call $random_get (global.get $board) (i32.mul (global.get $width) (global.get $height))))
    (loop $each
      (i32.store8
        (i32.add (global.get $board) (local.get $at))
        (i32.lt_u (i32.load8_u (i32.add (global.get $board) (local.get $at))) (i32.const 70)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $at) (i32.mul (global.get $width) (global.get $height))))))

  (func $live (local $x i32) (local $y i32) (local $count i32) (local $lives i32) (local $swap i32)
    (global.set $alive (i32.const 0))
    (loop $row
      (local.set $x (i32.const 0))
      (loop $column
        (local.set $count (call $neighbours (local.get $x) (local.get $y)))
        (local.set $lives
          (i32.or (i32.eq (local.get $count) (i32.const 3))
                  (i32.and (i32.eq (local.get $count) (i32.const 2)) (call $cell (local.get $x) (local.get $y)))))
        (i32.store8
          (i32.add (global.get $next) (i32.add (i32.mul (local.get $y) (global.get $width)) (local.get $x)))
          (local.get $lives))
        (global.set $alive (i32.add (global.get $alive) (local.get $lives)))
        (local.set $x (i32.add (local.get $x) (i32.const 1)))
        (br_if $column (i32.lt_u (local.get $x) (global.get $width))))
      (local.set $y (i32.add (local.get $y) (i32.const 1)))
      (br_if $row (i32.lt_u (local.get $y) (global.get $height))))
    (local.set $swap (global.get $board))
    (global.set $board (global.get $next))
    (global.set $next (local.get $swap))
    (global.set $generation (i32.add (global.get $generation) (i32.const 1))))

  ;; A living cell is U+25A0 and a blank, a dead one two blanks.
  (func $draw (local $x i32) (local $y i32) (local $to i32)
    (local.set $to (i32.const 196608))
    (loop $row
      (local.set $x (i32.const 0))
      (loop $column
        (if (call $cell (local.get $x) (local.get $y))
          (then
            (i32.store (local.get $to) (i32.const 0x20a096e2))
            (local.set $to (i32.add (local.get $to) (i32.const 4))))
          (else
            (i32.store16 (local.get $to) (i32.const 0x2020))
            (local.set $to (i32.add (local.get $to) (i32.const 2)))))
        (local.set $x (i32.add (local.get $x) (i32.const 1)))
        (br_if $column (i32.lt_u (local.get $x) (global.get $width))))
      (i32.store8 (local.get $to) (i32.const 10))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (local.set $y (i32.add (local.get $y) (i32.const 1)))
      (br_if $row (i32.lt_u (local.get $y) (global.get $height))))
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 3))
    (i32.store (i32.const 8) (i32.const 196608))
    (i32.store (i32.const 12) (i32.sub (local.get $to) (i32.const 196608)))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 16))))

  (func $sleep (param $milliseconds i64)
    (i64.store (i32.const 512) (i64.const 1))
    (i32.store8 (i32.const 520) (i32.const 0))
    (i32.store (i32.const 528) (i32.const 1))
    (i64.store (i32.const 536) (i64.mul (local.get $milliseconds) (i64.const 1000000)))
    (i64.store (i32.const 544) (i64.const 0))
    (i32.store16 (i32.const 552) (i32.const 0))
    (drop (call $poll_oneoff (i32.const 512) (i32.const 576) (i32.const 1) (i32.const 624))))

  (func $main (export "_start")
    (call $seed)
    (loop $forever
      (call $draw)
      (call $sleep (i64.const 60))
      (call $live)
      (br $forever))))
