;; Waits inside of a call for the host, with any number of calls at once; and traps after that where it is asked to.
(component
  (import "later" (func $later async (param "n" u32) (result u32)))
  (core func $later (canon lower (func $later)))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "later" (func $later (param i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "wait") (param i32)
      (call $return (i32.add (call $later (local.get 0)) (call $later (i32.const 1)))))
    (func (export "wait-and-trap") (param i32)
      (drop (call $later (local.get 0)))
      unreachable))
  (core instance $m (instantiate $M (with "" (instance
    (export "later" (func $later))
    (export "return" (func $return))))))
  (func (export "wait") async (param "n" u32) (result u32) (canon lift (core func $m "wait") async))
  (func (export "wait-and-trap") async (param "n" u32) (result u32)
    (canon lift (core func $m "wait-and-trap") async)))
