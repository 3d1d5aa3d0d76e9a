;; Paints its memory: comets run through the pages, and the memory doubles after each lap up to 64 MiB.
(module $painter
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory $canvas (export "memory") 32 1024)
  (global $frame (mut i32) (i32.const 0))
  (global $brightness (mut f64) (f64.const 0.25))
  (data (i32.const 1024) "The memory grew. MiB: ")
  (data (i32.const 1056) "\n")
  (data (i32.const 1064) "The canvas is full; painting on. Press Stop to end.\n")

  (func $print (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $print_number (param $value i32)
    (if (i32.ge_u (local.get $value) (i32.const 10))
      (then (call $print_number (i32.div_u (local.get $value) (i32.const 10)))))
    (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
    (call $print (i32.const 2048) (i32.const 1)))

  (func $cells (result i32)
    (i32.mul (memory.size) (i32.const 16)))

  (func $sleep (param $milliseconds i64)
    (i64.store (i32.const 512) (i64.const 1))
    (i32.store8 (i32.const 520) (i32.const 0))
    (i32.store (i32.const 528) (i32.const 1))
    (i64.store (i32.const 536) (i64.mul (local.get $milliseconds) (i64.const 1000000)))
    (i64.store (i32.const 544) (i64.const 0))
    (i32.store16 (i32.const 552) (i32.const 0))
    (drop (call $poll_oneoff (i32.const 512) (i32.const 576) (i32.const 1) (i32.const 624))))

  ;; Touches a run of 4 KiB cells, from a cell on, with the frame's number; wraps at the end, spares the first cell.
  (func $stroke (param $cell i32) (param $length i32) (local $at i32)
    (loop $next
      (local.set $at (i32.rem_u (i32.add (local.get $cell) (local.get $length)) (call $cells)))
      (if (local.get $at)
        (then
          (i32.store
            (i32.add (i32.mul (local.get $at) (i32.const 4096))
                     (i32.and (i32.mul (global.get $frame) (i32.const 16)) (i32.const 4080)))
            (i32.or (global.get $frame) (i32.const 0x40404040)))))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br_if $next (i32.gt_s (local.get $length) (i32.const 0)))))

  (func $paint (local $cells i32) (local $head i32)
    (local.set $cells (call $cells))
    (local.set $head (i32.mul (global.get $frame) (i32.div_u (local.get $cells) (i32.const 128))))
    (call $stroke (i32.rem_u (local.get $head) (local.get $cells))
                  (i32.add (i32.div_u (local.get $cells) (i32.const 128)) (i32.const 1)))
    (call $stroke (i32.rem_u (i32.mul (local.get $head) (i32.const 3)) (local.get $cells))
                  (i32.add (i32.div_u (local.get $cells) (i32.const 96)) (i32.const 1)))
    (call $stroke (i32.sub (i32.sub (local.get $cells) (i32.const 1))
                           (i32.rem_u (i32.mul (local.get $head) (i32.const 2)) (local.get $cells)))
                  (i32.add (i32.div_u (local.get $cells) (i32.const 256)) (i32.const 1))))

  (func $grow
    (if (i32.ge_u (memory.size) (i32.const 1024))
      (then
        (call $print (i32.const 1064) (i32.const 52))
        (return)))
    (drop (memory.grow (memory.size)))
    (call $print (i32.const 1024) (i32.const 22))
    (call $print_number (i32.div_u (memory.size) (i32.const 16)))
    (call $print (i32.const 1056) (i32.const 1)))

  (func $main (export "_start")
    (loop $forever
      (call $paint)
      (global.set $frame (i32.add (global.get $frame) (i32.const 1)))
      (global.set $brightness (f64.sub (f64.const 1) (f64.mul (global.get $brightness) (f64.const 0.75))))
      (if (i32.eqz (i32.rem_u (global.get $frame) (i32.const 128)))
        (then (call $grow)))
      (call $sleep (i64.const 30))
      (br $forever))))
