;; Async functions that misbehave, each in a component of its own, so that a trap of one spares the others.
(component
  (component $Spin
    (core module $M
      ;; YIELD, always.
      (func (export "f") (result i32) (i32.const 1))
      (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 1)))
    (core instance $m (instantiate $M))
    (func (export "f") async (canon lift (core func $m "f") async (callback (core func $m "cb")))))

  (component $Spawn
    (core module $Table
      (table (export "table") 1 funcref))
    (core instance $table (instantiate $Table))
    (core type $thread (func (param i32)))
    (core func $new (canon thread.new-indirect $thread (core table $table "table")))
    (core module $M
      (import "" "table" (table 1 funcref))
      (import "" "new" (func $new (param i32 i32) (result i32)))
      (elem (i32.const 0) $thread)
      (func $thread (param i32))
      ;; Threads without end.
      (func (export "f")
        (loop $again
          (drop (call $new (i32.const 0) (i32.const 0)))
          (br $again))))
    (core instance $m (instantiate $M (with "" (instance
      (export "table" (table $table "table"))
      (export "new" (func $new))))))
    (func (export "f") async (canon lift (core func $m "f") async)))

  (component $Never
    (core module $Memory (memory (export "memory") 1))
    (core instance $memory (instantiate $Memory))
    (core func $new (canon waitable-set.new))
    (core func $wait (canon waitable-set.wait (memory (core memory $memory "memory"))))
    (core module $M
      (import "" "new" (func $new (result i32)))
      (import "" "wait" (func $wait (param i32 i32) (result i32)))
      (func (export "f") (drop (call $wait (call $new) (i32.const 0)))))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new))
      (export "wait" (func $wait))))))
    (func (export "f") async (canon lift (core func $m "f") async)))

  (component $Fine
    (core func $return (canon task.return (result u32)))
    (core module $M
      (import "" "return" (func $return (param i32)))
      (func (export "f") (call $return (i32.const 1))))
    (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
    (func (export "f") async (result u32) (canon lift (core func $m "f") async)))

  (instance $spin (instantiate $Spin))
  (instance $spawn (instantiate $Spawn))
  (instance $never (instantiate $Never))
  (instance $fine (instantiate $Fine))
  (export "spin" (func $spin "f"))
  (export "spawn" (func $spawn "f"))
  (export "never" (func $never "f"))
  (export "fine" (func $fine "f")))
