;; Is given a component and a core module, and instantiates them itself.
(component
  (import "adder" (component $adder
    (export "add" (func (param "a" u32) (param "b" u32) (result u32)))))
  (import "answer" (core module $answer
    (export "answer" (func (result i32)))))
  (instance $a (instantiate $adder))
  (core instance $b (instantiate $answer))
  (export "add" (func $a "add"))
  (func (export "answer") (result u32) (canon lift (core func $b "answer"))))
