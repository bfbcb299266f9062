;; The guest of the README, see examples/readme/greeter.wit: logs the name, and answers "Hello, NAME!", or
;; "Welcome back, NAME!" to who was there before.
(component
  (type $person' (record (field "name" string) (field "visits" u32)))
  (import "person" (type $person (eq $person')))
  (import "log" (func $log (param "text" string)))

  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 8) "Hello, ")
    (data (i32.const 16) "Welcome back, ")
    (global $free (mut i32) (i32.const 1024))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32)
        (result i32)
      (local $ptr i32)
      (local.set $ptr
        (i32.and
          (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $free (i32.add (local.get $ptr) (local.get $size)))
      (local.get $ptr))
    ;; All memory is free again once the result was read.
    (func (export "post-greet") (param i32) (global.set $free (i32.const 1024))))
  (core instance $m (instantiate $memory))
  (core func $log' (canon lower (func $log) (memory (core memory $m "memory"))))

  (core module $code
    (import "" "memory" (memory 1))
    (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "" "log" (func $log (param i32 i32)))
    (func (export "greet") (param $name i32) (param $len i32) (param $visits i32) (result i32)
      (local $hello i32) (local $hello-len i32) (local $text i32)
      (call $log (local.get $name) (local.get $len))
      (local.set $hello (select (i32.const 16) (i32.const 8) (local.get $visits)))
      (local.set $hello-len (select (i32.const 14) (i32.const 7) (local.get $visits)))
      (local.set $text
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 1)
          (i32.add (i32.add (local.get $hello-len) (local.get $len)) (i32.const 1))))
      (memory.copy (local.get $text) (local.get $hello) (local.get $hello-len))
      (i32.store (i32.const 0) (local.get $text))
      (local.set $text (i32.add (local.get $text) (local.get $hello-len)))
      (memory.copy (local.get $text) (local.get $name) (local.get $len))
      (i32.store8 (i32.add (local.get $text) (local.get $len)) (i32.const 33)) ;; '!'
      (i32.store (i32.const 4) (i32.add (i32.add (local.get $hello-len) (local.get $len)) (i32.const 1)))
      (i32.const 0)))
  (core instance $i (instantiate $code (with "" (instance
    (export "memory" (memory $m "memory"))
    (export "realloc" (func $m "realloc"))
    (export "log" (func $log'))))))
  (func (export "greet") (param "who" $person) (result string)
    (canon lift (core func $i "greet")
      (memory (core memory $m "memory")) (realloc (core func $m "realloc")) (post-return (core func $m "post-greet")))))
