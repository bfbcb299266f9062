;; A component inside a component: the inner one traps, the outer one gives a stream whose writable end it keeps, and
;; calls the host.
(component
  (import "hook" (func $hook))
  (component $Inner
    (core module $M (func (export "die") unreachable))
    (core instance $m (instantiate $M))
    (func (export "die") (canon lift (core func $m "die"))))
  (instance $inner (instantiate $Inner))
  (type $bytes (stream u8))
  (core func $hook (canon lower (func $hook)))
  (core func $new (canon stream.new $bytes))
  (core module $M
    (import "" "hook" (func $hook))
    (import "" "new" (func $new (result i64)))
    (func (export "go") (call $hook))
    (func (export "make") (result i32) (i32.wrap_i64 (call $new))))
  (core instance $m (instantiate $M (with "" (instance
    (export "hook" (func $hook))
    (export "new" (func $new))))))
  (func (export "go") (canon lift (core func $m "go")))
  (func (export "make") (result $bytes) (canon lift (core func $m "make")))
  (alias export $inner "die" (func $die))
  (export "die" (func $die)))
