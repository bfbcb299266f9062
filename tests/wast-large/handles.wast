;; A million handles at once, each of its own index; and the table shrinks to none.
(component
  (type $R (resource (rep i32)))
  (core func $new (canon resource.new $R))
  (core func $rep (canon resource.rep $R))
  (core func $drop (canon resource.drop $R))
  (core module $M
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "rep" (func $rep (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "million") (local $i i32)
      (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (if (i32.ne (call $new (local.get $i)) (local.get $i)) (then unreachable))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))
      (if (i32.ne (call $rep (i32.const 654321)) (i32.const 654321)) (then unreachable))
      (loop $again
        (call $drop (local.get $i))
        (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (if (i32.ne (call $new (i32.const 5)) (i32.const 1)) (then unreachable))
      (call $drop (i32.const 1))))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
  (func (export "million") (canon lift (core func $m "million"))))
(assert_return (invoke "million"))
