;; Writes to the standard error of WASI, and traps.
(component
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-type))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $stream (sub resource)))
    (alias outer 1 $error-type (type $outer))
    (export "error" (type $error' (eq $outer)))
    (type $failure' (variant (case "last-operation-failed" (own $error')) (case "closed")))
    (export "stream-error" (type $failure (eq $failure')))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $stream)) (param "contents" (list u8)) (result (result (error $failure)))))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:cli/stderr@0.2.0" (instance $stderr
    (alias outer 1 $stream (type $outer))
    (export "output-stream" (type $stream' (eq $outer)))
    (export "get-stderr" (func (result (own $stream'))))))
  (core module $memory (memory (export "memory") 1)
    (data (i32.const 64) "about to go wrong\n")
    (data (i32.const 96) "panicked at 'no way on'"))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $get (canon lower (func $stderr "get-stderr")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem)))
  (core module $m
    (import "" "get" (func $get (result i32)))
    (import "" "write" (func $write (param i32 i32 i32 i32)))
    (func (export "speak") (local $to i32)
      (local.set $to (call $get))
      (call $write (local.get $to) (i32.const 64) (i32.const 18) (i32.const 0)))
    (func (export "panic") (local $to i32)
      (local.set $to (call $get))
      (call $write (local.get $to) (i32.const 96) (i32.const 23) (i32.const 0))
      (unreachable)))
  (core instance $m (instantiate $m (with "" (instance
    (export "get" (func $get)) (export "write" (func $write))))))
  (func (export "speak") (canon lift (core func $m "speak")))
  (func (export "panic") (canon lift (core func $m "panic"))))
