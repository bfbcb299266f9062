;; Calls back into the host: numbers and strings there and back.
(component
  (import "test:guest/host@1.2.0" (instance $host
    (export "number" (func (param "x" u32) (result u32)))
    (export "text" (func (param "text" string) (result string)))
    (export "signal" (func))))

  (core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 16))
    ;; Hands out memory in order; nothing is ever freed.
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32)
          (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.sub (i32.add (global.get $next) (local.get $align)) (i32.const 1))
          (i32.xor (i32.sub (local.get $align) (i32.const 1)) (i32.const -1))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
      (local.get $at))
    (func (export "reset") (param i32) (global.set $next (i32.const 16))))
  (core instance $libc (instantiate $libc))

  (core func $number (canon lower (func $host "number")))
  (core func $text (canon lower (func $host "text")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $signal (canon lower (func $host "signal")))

  (core module $main
    (import "host" "number" (func $number (param i32) (result i32)))
    (import "host" "text" (func $text (param i32 i32 i32)))
    (import "host" "signal" (func $signal))
    ;; host(x) + 1
    (func (export "number") (param $x i32) (result i32)
      (i32.add (call $number (local.get $x)) (i32.const 1)))
    ;; host(text), the result area at address 0
    (func (export "text") (param $ptr i32) (param $len i32) (result i32)
      (call $text (local.get $ptr) (local.get $len) (i32.const 0))
      (i32.const 0))
    (func (export "signal") (call $signal)))
  (core instance $main (instantiate $main
    (with "host" (instance
      (export "number" (func $number))
      (export "text" (func $text))
      (export "signal" (func $signal))))))

  (func (export "number") (param "x" u32) (result u32) (canon lift (core func $main "number")))
  (func (export "text") (param "text" string) (result string)
    (canon lift (core func $main "text") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))
      (post-return (core func $libc "reset"))))
  (func (export "signal") (canon lift (core func $main "signal"))))
