;; Owns a resource of the host's, which it lends to the host, which lends it to `look` in another instance of
;; this component.
(component
  (import "demo:app/blobs" (instance $blobs
    (export "blob" (type $blob (sub resource)))
    (export "make" (func (param "size" u32) (result (own $blob))))
    (export "size" (func (param "of" (borrow $blob)) (result u32)))
    (export "show" (func (param "of" (borrow $blob)) (result u32)))))
  (alias export $blobs "blob" (type $blob))
  (core func $make (canon lower (func $blobs "make")))
  (core func $size (canon lower (func $blobs "size")))
  (core func $show (canon lower (func $blobs "show")))
  (core func $drop (canon resource.drop $blob))
  (core module $m
    (import "" "make" (func $make (param i32) (result i32)))
    (import "" "size" (func $size (param i32) (result i32)))
    (import "" "show" (func $show (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "begin") (param i32) (result i32) (local $blob i32)
      (local.set $blob (call $make (local.get 0)))
      (call $show (local.get $blob))
      (call $drop (local.get $blob)))
    (func (export "look") (param $blob i32) (result i32)
      (call $size (local.get $blob))
      (call $drop (local.get $blob))))
  (core instance $m (instantiate $m (with "" (instance
    (export "make" (func $make)) (export "size" (func $size)) (export "show" (func $show))
    (export "drop" (func $drop))))))
  (func (export "begin") (param "size" u32) (result u32) (canon lift (core func $m "begin")))
  (func (export "look") (param "of" (borrow $blob)) (result u32) (canon lift (core func $m "look"))))
