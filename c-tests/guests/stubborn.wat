;; Goes on for ever in several ways, each in a component of its own, so that the end of one spares the others.
(component
  (import "host" (func $host))
  (import "sink" (func $sink (param "strings" (list string))))

  (component $Loop
    (core module $M
      (func (export "f") (loop $again (br $again))))
    (core instance $m (instantiate $M))
    (func (export "f") (canon lift (core func $m "f"))))

  (component $Recursion
    (core module $M
      (func $f (export "f") (param $n i32) (result i32)
        (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
          (then (local.get $n))
          (else (i32.add
            (call $f (i32.sub (local.get $n) (i32.const 1)))
            (call $f (i32.sub (local.get $n) (i32.const 2))))))))
    (core instance $m (instantiate $M))
    (func (export "f") (param "n" u32) (result u32) (canon lift (core func $m "f"))))

  (component $Fill
    (core module $M
      (memory 16)
      (func (export "f")
        (loop $again
          (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000))
          (br $again))))
    (core instance $m (instantiate $M))
    (func (export "f") (canon lift (core func $m "f"))))

  ;; Never anything but YIELD.
  (component $Yield
    (core module $M
      (func (export "f") (result i32) (i32.const 1))
      (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 1)))
    (core instance $m (instantiate $M))
    (func (export "f") async (canon lift (core func $m "f") async (callback (core func $m "cb")))))

  ;; Never returns from a loop of thread.yield.
  (component $SyncYield
    (core func $yield (canon thread.yield))
    (core module $M
      (import "" "yield" (func $yield (result i32)))
      (func (export "f") (loop $again (drop (call $yield)) (br $again))))
    (core instance $m (instantiate $M (with "" (instance (export "yield" (func $yield))))))
    (func (export "f") (canon lift (core func $m "f"))))

  ;; Sends the host 8,192 strings of 1 KiB, which all lie in one place, for ever.
  (component $Copy
    (import "sink" (func $sink (param "strings" (list string))))
    (core module $Memory (memory (export "memory") 4))
    (core instance $memory (instantiate $Memory))
    (core func $sink (canon lower (func $sink) (memory (core memory $memory "memory"))))
    (core module $M
      (import "" "memory" (memory 4))
      (import "" "sink" (func $sink (param i32 i32)))
      (func (export "f") (local $at i32)
        (memory.fill (i32.const 0) (i32.const 97) (i32.const 1024))
        (local.set $at (i32.const 0x10000))
        (loop $next
          (i64.store (local.get $at) (i64.const 0x10000000000))
          (br_if $next (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 0x20000))))
        (loop $again
          (call $sink (i32.const 0x10000) (i32.const 8192))
          (br $again))))
    (core instance $m (instantiate $M (with "" (instance
      (export "memory" (memory $memory "memory"))
      (export "sink" (func $sink))))))
    (func (export "f") (canon lift (core func $m "f"))))

  ;; Calls the host once, or for ever, and returns.
  (component $Host
    (import "host" (func $host))
    (core func $host (canon lower (func $host)))
    (core module $M
      (import "" "host" (func $host))
      (memory (export "memory") 16)
      (func (export "once")
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000))
        (call $host))
      (func (export "again") (loop $again (call $host) (br $again))))
    (core instance $m (instantiate $M (with "" (instance (export "host" (func $host))))))
    (func (export "once") (canon lift (core func $m "once")))
    (func (export "again") (canon lift (core func $m "again"))))

  ;; Returns, and goes on.
  (component $Returned
    (core func $return (canon task.return (result u32)))
    (core func $set (canon waitable-set.new))
    (core module $M
      (import "" "return" (func $return (param i32)))
      (func (export "f") (result i32) (call $return (i32.const 1)) (i32.const 1))
      (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 1)))
    (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
    (func (export "f") async (result u32)
      (canon lift (core func $m "f") async (callback (core func $m "cb")))))

  (component $Fine
    (core module $M (func (export "f") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $M))
    (func (export "f") (param "n" u32) (result u32) (canon lift (core func $m "f"))))

  (instance $loop (instantiate $Loop))
  (instance $recursion (instantiate $Recursion))
  (instance $fill (instantiate $Fill))
  (instance $yield (instantiate $Yield))
  (instance $sync-yield (instantiate $SyncYield))
  (instance $copy (instantiate $Copy (with "sink" (func $sink))))
  (instance $host' (instantiate $Host (with "host" (func $host))))
  (instance $returned (instantiate $Returned))
  (instance $fine (instantiate $Fine))
  (export "loop" (func $loop "f"))
  (export "recursion" (func $recursion "f"))
  (export "fill" (func $fill "f"))
  (export "yield" (func $yield "f"))
  (export "sync-yield" (func $sync-yield "f"))
  (export "copy" (func $copy "f"))
  (export "once" (func $host' "once"))
  (export "again" (func $host' "again"))
  (export "returned" (func $returned "f"))
  (export "fine" (func $fine "f")))
