;; Says why, and traps, where a text begins with `!`.
(component
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-type))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $stream (sub resource)))
    (alias outer 1 $error-type (type $outer))
    (export "error" (type $error-here (eq $outer)))
    (type $failure (variant (case "last-operation-failed" (own $error-here)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $stream)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:cli/stderr@0.2.0" (instance $stderr
    (alias outer 1 $stream (type $outer))
    (export "output-stream" (type $stream-here (eq $outer)))
    (export "get-stderr" (func (result (own $stream-here))))))
  (core module $Memory
    (memory (export "memory") 1)
    (data (i32.const 16) "clean")
    ;; ok("clean")
    (data (i32.const 32) "\00\00\00\00" "\10\00\00\00" "\05\00\00\00")
    (data (i32.const 64) "assertion failed: a text has words")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $stderr (canon lower (func $stderr "get-stderr")))
  (core func $write
    (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem)))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "stderr" (func $stderr (result i32)))
    (import "" "write" (func $write (param i32 i32 i32 i32)))
    (func $rate (export "rate") (param $text i32) (param $len i32) (result i32)
      (if (i32.eq (i32.load8_u (local.get $text)) (i32.const 0x21 (; ! ;))) (then
        (call $write (call $stderr) (i32.const 64) (i32.const 34) (i32.const 128))
        unreachable))
      (i32.const 32))
    (func (export "numbers") (param i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance
    (export "memory" (memory $mem))
    (export "stderr" (func $stderr))
    (export "write" (func $write))))))
  (func (export "rate") async (param "text" string) (result (result string (error string)))
    (canon lift (core func $m "rate") (memory $mem) (realloc $realloc)))
  (func (export "numbers") async (param "count" u8) (result (stream u8))
    (canon lift (core func $m "numbers"))))
