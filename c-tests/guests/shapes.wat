;; Functions that trap at different depths, for what a trap says of the calls that led to it.
(component
  (import "demo:app/host" (instance $host
    (export "note" (func (param "x" u32)))))
  (core func $note (canon lower (func $host "note")))
  (core func $drop-set (canon waitable-set.drop))

  ;; An interface, whose functions are given to it as toolchains do it.
  (core module $m
    (import "" "note" (func $note (param i32)))
    (import "" "drop-set" (func $drop-set (param i32)))
    (func $deep unreachable)
    (func $area (export "area") (call $deep))
    (func $told (export "told") (call $note (i32.const 7)))
    (func $wrong (export "wrong") (call $drop-set (i32.const 99))))
  (core instance $m (instantiate $m (with "" (instance
    (export "note" (func $note)) (export "drop-set" (func $drop-set))))))
  (func $area (canon lift (core func $m "area")))
  (func $told (canon lift (core func $m "told")))
  (func $wrong (canon lift (core func $m "wrong")))
  (component $shim
    (import "import-func-area" (func $area))
    (import "import-func-told" (func $told))
    (import "import-func-wrong" (func $wrong))
    (export "area" (func $area))
    (export "told" (func $told))
    (export "wrong" (func $wrong)))
  (instance $shapes (instantiate $shim
    (with "import-func-area" (func $area))
    (with "import-func-told" (func $told))
    (with "import-func-wrong" (func $wrong))))
  (export "demo:app/shapes" (instance $shapes))

  ;; A callback that traps after its caller has gone to wait for it.
  (component $inner
    (core module $m
      (func (export "start") (result i32) (i32.const 1))
      (func $burst-event (export "event") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $m))
    (func (export "burst") async
      (canon lift (core func $m "start") async (callback (core func $m "event")))))
  (instance $inner (instantiate $inner))
  (component $outer
    (import "burst" (func $burst async))
    (core func $burst' (canon lower (func $burst) async))
    (core func $new (canon waitable-set.new))
    (core func $join (canon waitable.join))
    (core module $m
      (import "" "burst" (func $burst (result i32)))
      (import "" "new" (func $new (result i32)))
      (import "" "join" (func $join (param i32 i32)))
      (func (export "relay") (result i32) (local $set i32)
        (local.set $set (call $new))
        (call $join (i32.shr_u (call $burst) (i32.const 4)) (local.get $set))
        (i32.or (i32.shl (local.get $set) (i32.const 4)) (i32.const 2)))
      (func (export "event") (param i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $m (instantiate $m (with "" (instance
      (export "burst" (func $burst')) (export "new" (func $new)) (export "join" (func $join))))))
    (func (export "relay") async
      (canon lift (core func $m "relay") async (callback (core func $m "event")))))
  (instance $outer (instantiate $outer (with "burst" (func $inner "burst"))))
  (export "relay" (func $outer "relay")))
