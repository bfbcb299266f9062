;; A sync function that gives up its turn until a callback task of its instance has run. The text lets
;; that task run; the tests say that threads which need the instance's one stack must not. However it
;; is read, the call ends: where nothing else can make it go on, the task runs.
(component
  (core module $M
    (import "" "task.return" (func $task.return (param i32)))
    (import "" "thread.yield" (func $yield (result i32)))
    (global $ran (mut i32) (i32.const 0))
    (func (export "arm") (result i32)
      (call $task.return (i32.const 1))
      (i32.const 1 (; YIELD ;)))
    (func (export "arm-cb") (param i32 i32 i32) (result i32)
      (global.set $ran (i32.add (global.get $ran) (i32.const 1)))
      (i32.const 0 (; EXIT ;)))
    (func (export "await") (result i32)
      (loop $again
        (drop (call $yield))
        (br_if $again (i32.eqz (global.get $ran))))
      (global.get $ran)))
  (core func $task.return (canon task.return (result u32)))
  (core func $yield (canon thread.yield))
  (core instance $m (instantiate $M (with "" (instance
    (export "task.return" (func $task.return))
    (export "thread.yield" (func $yield))))))
  (func (export "arm") async (result u32)
    (canon lift (core func $m "arm") async (callback (core func $m "arm-cb"))))
  (func (export "await") (result u32) (canon lift (core func $m "await"))))
(assert_return (invoke "arm") (u32.const 1))
(assert_return (invoke "await") (u32.const 1))
