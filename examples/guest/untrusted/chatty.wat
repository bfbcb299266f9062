;; Writes lines without end about a text that begins with `!`.
(component
  (import "log" (func $log (param "line" string)))
  (core module $Memory
    (memory (export "memory") 1)
    (data (i32.const 16) "clean")
    ;; ok("clean")
    (data (i32.const 32) "\00\00\00\00" "\10\00\00\00" "\05\00\00\00")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $log (canon lower (func $log) (memory $mem)))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "log" (func $log (param i32 i32)))
    (func $rate (export "rate") (param $text i32) (param $len i32) (result i32)
      (if (i32.eq (i32.load8_u (local.get $text)) (i32.const 0x21 (; ! ;))) (then
        (loop $ever (call $log (local.get $text) (local.get $len)) (br $ever))))
      (i32.const 32))
    (func (export "numbers") (param i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance
    (export "memory" (memory $mem))
    (export "log" (func $log))))))
  (func (export "rate") async (param "text" string) (result (result string (error string)))
    (canon lift (core func $m "rate") (memory $mem) (realloc $realloc)))
  (func (export "numbers") async (param "count" u8) (result (stream u8))
    (canon lift (core func $m "numbers"))))
