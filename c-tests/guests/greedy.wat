;; A guest with little memory of its own that asks for much of the host's.
(component
  (import "sink" (func $sink (param "lists" (list (list u8)))))
  (import "later" (func $later async (param "lists" (list (list u8)))))

  ;; Takes lists that another instance gives it, and does nothing with them.
  (component $Taker
    (type $bag' (resource (rep i32)))
    (export $bag "bag" (type $bag'))
    (core func $new (canon resource.new $bag'))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (memory (export "memory") 32)
      (func (export "make") (result i32) (call $new (i32.const 7)))
      ;; All that is passed lies in the same place.
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
      (func (export "take") (param i32 i32)))
    (core instance $m (instantiate $M (with "" (instance (export "new" (func $new))))))
    (func (export "new-bag") (result (own $bag)) (canon lift (core func $m "make")))
    (func (export "bytes") (param "lists" (list (list u8)))
      (canon lift (core func $m "take") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (func (export "borrows") (param "lists" (list (list (borrow $bag))))
      (canon lift (core func $m "take") (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (instance $taker (instantiate $Taker))

  (core module $Memory (memory (export "memory") 32))
  (core instance $memory (instantiate $Memory))
  (core func $new-bag (canon lower (func $taker "new-bag")))
  (core func $sink (canon lower (func $sink) (memory (core memory $memory "memory"))))
  (core func $later (canon lower (func $later) async (memory (core memory $memory "memory"))))
  (core func $take-bytes
    (canon lower (func $taker "bytes") (memory (core memory $memory "memory"))))
  (core func $take-borrows
    (canon lower (func $taker "borrows") (memory (core memory $memory "memory"))))
  (core func $context (canon error-context.new (memory (core memory $memory "memory"))))
  (core func $set (canon waitable-set.new))

  (core module $M
    (import "" "memory" (memory 32))
    (import "" "new-bag" (func $new-bag (result i32)))
    (import "" "sink" (func $sink (param i32 i32)))
    (import "" "later" (func $later (param i32 i32) (result i32)))
    (import "" "take-bytes" (func $take-bytes (param i32 i32)))
    (import "" "take-borrows" (func $take-borrows (param i32 i32)))
    (import "" "context" (func $context (param i32 i32) (result i32)))
    (import "" "set" (func $set (result i32)))

    ;; The list at 64 KiB: n times the same elements, which begin at 1 MiB.
    (func $fill (param $n i32) (param $len i32)
      (local $at i32)
      (local.set $at (i32.const 0x10000))
      (loop $next
        (if (local.get $n) (then
          (i32.store (local.get $at) (i32.const 0x100000))
          (i32.store offset=4 (local.get $at) (local.get $len))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next)))))

    (func (export "give") (param $n i32) (param $len i32) (result i32)
      (call $fill (local.get $n) (local.get $len))
      (i32.store (i32.const 16) (i32.const 0x10000))
      (i32.store (i32.const 20) (local.get $n))
      (i32.const 16))
    (func (export "send") (param $n i32) (param $len i32)
      (call $fill (local.get $n) (local.get $len))
      (call $sink (i32.const 0x10000) (local.get $n)))
    (func (export "pass") (param $n i32) (param $len i32)
      (call $fill (local.get $n) (local.get $len))
      (call $take-bytes (i32.const 0x10000) (local.get $n)))
    (func (export "queue") (param $calls i32) (param $n i32) (param $len i32)
      (call $fill (local.get $n) (local.get $len))
      (loop $next
        (drop (call $later (i32.const 0x10000) (local.get $n)))
        (br_if $next (local.tee $calls (i32.sub (local.get $calls) (i32.const 1))))))
    ;; Lends one resource n times len times.
    (func (export "lend") (param $n i32) (param $len i32)
      (local $bag i32) (local $i i32)
      (local.set $bag (call $new-bag))
      (loop $next
        (i32.store (i32.add (i32.const 0x100000) (i32.shl (local.get $i) (i32.const 2))) (local.get $bag))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (local.get $len))))
      (call $fill (local.get $n) (local.get $len))
      (call $take-borrows (i32.const 0x10000) (local.get $n)))
    (func (export "contexts") (param $n i32) (param $len i32)
      (loop $next
        (drop (call $context (i32.const 0x100000) (local.get $len)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "sets") (param $n i32)
      (loop $next
        (drop (call $set))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "grow") (param $pages i32) (result i32)
      (memory.grow (local.get $pages)))
    (func (export "fine") (param i32) (result i32) (local.get 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "memory" (memory $memory "memory"))
    (export "new-bag" (func $new-bag))
    (export "sink" (func $sink))
    (export "later" (func $later))
    (export "take-bytes" (func $take-bytes))
    (export "take-borrows" (func $take-borrows))
    (export "context" (func $context))
    (export "set" (func $set))))))
  (func (export "give") (param "n" u32) (param "len" u32) (result (list (list u8)))
    (canon lift (core func $m "give") (memory (core memory $memory "memory"))))
  (func (export "send") (param "n" u32) (param "len" u32) (canon lift (core func $m "send")))
  (func (export "pass") (param "n" u32) (param "len" u32) (canon lift (core func $m "pass")))
  (func (export "queue") (param "calls" u32) (param "n" u32) (param "len" u32)
    (canon lift (core func $m "queue")))
  (func (export "lend") (param "n" u32) (param "len" u32) (canon lift (core func $m "lend")))
  (func (export "contexts") (param "n" u32) (param "len" u32) (canon lift (core func $m "contexts")))
  (func (export "sets") (param "n" u32) (canon lift (core func $m "sets")))
  (func (export "grow") (param "pages" u32) (result u32) (canon lift (core func $m "grow")))
  (func (export "fine") (param "x" u32) (result u32) (canon lift (core func $m "fine"))))
