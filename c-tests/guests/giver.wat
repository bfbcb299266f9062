;; Gives the host a stream that it holds, asks it, and traps.
(component
  (type $bytes (stream u8))
  (import "next" (func $next async (result u32)))
  (import "give" (func $give (param "s" $bytes)))
  (core func $next (canon lower (func $next)))
  (core func $give (canon lower (func $give)))
  (core func $return (canon task.return))
  (core func $new (canon stream.new $bytes))
  (core module $M
    (import "" "next" (func $ask (result i32)))
    (import "" "give" (func $give (param i32)))
    (import "" "return" (func $return))
    (import "" "new" (func $new (result i64)))
    (func (export "run")
      (call $give (i32.wrap_i64 (call $new)))
      (call $return) (drop (call $ask)) unreachable))
  (core instance $m (instantiate $M (with "" (instance
    (export "next" (func $next)) (export "give" (func $give)) (export "new" (func $new))
    (export "return" (func $return))))))
  (func (export "run") async (canon lift (core func $m "run") async)))
