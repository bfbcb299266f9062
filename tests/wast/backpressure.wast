;; The backpressure counter has 16 bits: it traps at 2^16 and below 0, and
;; nowhere in between.
(component definition $T
  (core module $M
    (import "" "inc" (func $inc))
    (import "" "dec" (func $dec))
    (func $incs (export "incs") (param $n i32)
      (loop $again
        (call $inc)
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "up-and-down") (param $n i32)
      (call $incs (local.get $n))
      (loop $again
        (call $dec)
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "below") (call $inc) (call $dec) (call $dec)))
  (core func $inc (canon backpressure.inc))
  (core func $dec (canon backpressure.dec))
  (core instance $m (instantiate $M (with "" (instance
    (export "inc" (func $inc)) (export "dec" (func $dec))))))
  (func (export "incs") (param "n" u32) (canon lift (core func $m "incs")))
  (func (export "up-and-down") (param "n" u32) (canon lift (core func $m "up-and-down")))
  (func (export "below") (canon lift (core func $m "below"))))

(component instance $i $T)
(assert_return (invoke "up-and-down" (u32.const 65535)))
(assert_return (invoke "up-and-down" (u32.const 65535)))
(assert_trap (invoke "incs" (u32.const 65536)) "backpressure counter overflow")
(component instance $i $T)
(assert_trap (invoke "below") "backpressure counter underflow")
