;; Imports WASI 0.2 and 0.3.
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $old (export "now" (func (result u64)))))
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $new
    (export "now" (func (result u64)))
    (export "wait-until" (func async (param "when" u64)))))
  (core func $old (canon lower (func $old "now")))
  (core func $new (canon lower (func $new "now")))
  (core func $wait (canon lower (func $new "wait-until")))
  (core module $M
    (import "" "old" (func $old (result i64)))
    (import "" "new" (func $new (result i64)))
    (import "" "wait" (func $wait (param i64)))
    ;; Nanoseconds by the clock of 0.2 from what that of 0.3 shows until some time after that.
    (func (export "wait") (param $ns i64) (result i64) (local $before i64)
      (local.set $before (call $new))
      (call $wait (i64.add (local.get $before) (local.get $ns)))
      (i64.sub (call $old) (local.get $before))))
  (core instance $m (instantiate $M (with "" (instance (export "old" (func $old)) (export "new" (func $new))
    (export "wait" (func $wait))))))
  (func (export "wait") async (param "ns" u64) (result u64) (canon lift (core func $m "wait"))))
