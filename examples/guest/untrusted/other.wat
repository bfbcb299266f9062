;; Is not what it is taken for: `rate` has another type, and `numbers` is missing.
(component
  (core module $M
    (func (export "rate") (param i32) (result i32) (local.get 0)))
  (core instance $m (instantiate $M))
  (func (export "rate") (param "stars" u32) (result u32) (canon lift (core func $m "rate"))))
