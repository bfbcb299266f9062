;; What core modules may use where the engine has it: exceptions, vectors, garbage collection, tail calls and
;; memories with 64-bit addresses.
(component
  (component $Exceptions
    (core module $M
      (tag $odd (param i32))
      (func $check (param i32)
        (if (i32.and (local.get 0) (i32.const 1)) (then (throw $odd (local.get 0)))))
      (func (export "f") (param i32) (result i32)
        (block $caught (result i32)
          (try_table (catch $odd $caught) (call $check (local.get 0)))
          (return (i32.const 0))))
      (func (export "g") (call $check (i32.const 3))))
    (core instance $m (instantiate $M))
    (func (export "caught") (param "n" u32) (result u32) (canon lift (core func $m "f")))
    (func (export "uncaught") (canon lift (core func $m "g"))))
  (component $Vectors
    (core module $M
      (func (export "f") (param i32) (result i32)
        (i32x4.extract_lane 3
          (i32x4.mul (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4)))))
    (core instance $m (instantiate $M))
    (func (export "fourth") (param "n" u32) (result u32) (canon lift (core func $m "f"))))
  (component $Collected
    (core module $M
      (type $list (struct (field i32) (field (ref null $list))))
      (func (export "f") (param i32) (result i32)
        (local $list (ref null $list)) (local $sum i32)
        (loop $more
          (local.set $list (struct.new $list (local.get 0) (local.get $list)))
          (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (loop $next
          (local.set $sum (i32.add (local.get $sum) (struct.get $list 0 (local.get $list))))
          (local.set $list (struct.get $list 1 (local.get $list)))
          (br_if $next (i32.eqz (ref.is_null (local.get $list)))))
        (local.get $sum)))
    (core instance $m (instantiate $M))
    (func (export "sum") (param "n" u32) (result u32) (canon lift (core func $m "f"))))
  (component $Tails
    (core module $M
      (func $f (export "f") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
        (return_call $f (i32.sub (local.get 0) (i32.const 1))))
      (func $g (export "g") (result i32) (i32.add (call $g) (i32.const 1))))
    (core instance $m (instantiate $M))
    (func (export "endless") (result u32) (canon lift (core func $m "g")))
    (func (export "far") (param "n" u32) (result u32) (canon lift (core func $m "f"))))
  (component $Wide
    (core module $M
      (memory i64 1)
      (func (export "f") (param i32) (result i32)
        (i32.store (i64.const 8) (local.get 0))
        (i32.load (i64.const 8))))
    (core instance $m (instantiate $M))
    (func (export "kept") (param "n" u32) (result u32) (canon lift (core func $m "f"))))
  (instance $exceptions (instantiate $Exceptions))
  (instance $vectors (instantiate $Vectors))
  (instance $collected (instantiate $Collected))
  (instance $tails (instantiate $Tails))
  (instance $wide (instantiate $Wide))
  (export "caught" (func $exceptions "caught"))
  (export "uncaught" (func $exceptions "uncaught"))
  (export "fourth" (func $vectors "fourth"))
  (export "sum" (func $collected "sum"))
  (export "far" (func $tails "far"))
  (export "endless" (func $tails "endless"))
  (export "kept" (func $wide "kept")))
