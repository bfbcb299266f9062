;; Exports `greet: func(name: string) -> string`, which answers "Hello, NAME!".
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "Hello, ")
    (global $free (mut i32) (i32.const 1024))

    ;; Hands out memory and never takes it back.
    (func $realloc (export "realloc") (param $old i32) (param $old-size i32) (param $align i32)
        (param $size i32) (result i32)
      (local $ptr i32)
      (local.set $ptr
        (i32.and
          (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $free (i32.add (local.get $ptr) (local.get $size)))
      (local.get $ptr))

    (func (export "greet") (param $name i32) (param $len i32) (result i32)
      (local $text i32)
      (local.set $text
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 1)
          (i32.add (local.get $len) (i32.const 8))))
      (memory.copy (local.get $text) (i32.const 8) (i32.const 7))
      (memory.copy (i32.add (local.get $text) (i32.const 7)) (local.get $name) (local.get $len))
      (i32.store8 offset=7 (i32.add (local.get $text) (local.get $len)) (i32.const 33)) ;; '!'
      (i32.store (i32.const 0) (local.get $text))
      (i32.store (i32.const 4) (i32.add (local.get $len) (i32.const 8)))
      (i32.const 0))

    ;; All memory is free again once the result was read.
    (func (export "post-greet") (param i32) (global.set $free (i32.const 1024))))
  (core instance $i (instantiate $m))
  (func (export "greet") (param "name" string) (result string)
    (canon lift (core func $i "greet")
      (memory (core memory $i "memory")) (realloc (core func $i "realloc")) (post-return (core func $i "post-greet")))))
