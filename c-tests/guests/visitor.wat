;; Uses the resource type of another component, and shows its resources to the host.
(component
  (import "test:guest/counters@1.0.0" (instance $counters
    (export "counter" (type $counter (sub resource)))
    (export "make" (func (param "value" u32) (result (own $counter))))
    (export "read" (func (param "counter" (borrow $counter)) (result u32)))))
  (alias export $counters "counter" (type $counter))
  (import "test:guest/host@1.0.0" (instance $host
    (alias outer 1 $counter (type $t))
    (export "counter" (type $counter' (eq $t)))
    (export "look" (func (param "counter" (borrow $counter')) (result u32)))
    (export "take" (func (param "counter" (own $counter'))))))

  (core func $make (canon lower (func $counters "make")))
  (core func $look (canon lower (func $host "look")))
  (core func $take (canon lower (func $host "take")))
  (core func $drop (canon resource.drop $counter))
  (core module $main
    (import "" "make" (func $make (param i32) (result i32)))
    (import "" "look" (func $look (param i32) (result i32)))
    (import "" "take" (func $take (param i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "visit") (param i32) (result i32)
      (local $handle i32) (local $seen i32)
      (local.set $handle (call $make (local.get 0)))
      (local.set $seen (call $look (local.get $handle)))
      (call $drop (local.get $handle))
      (local.get $seen))
    (func (export "give") (param i32) (call $take (call $make (local.get 0)))))
  (core instance $main (instantiate $main (with "" (instance
    (export "make" (func $make))
    (export "look" (func $look))
    (export "take" (func $take))
    (export "drop" (func $drop))))))
  (func (export "visit") (param "value" u32) (result u32) (canon lift (core func $main "visit")))
  (func (export "give") (param "value" u32) (canon lift (core func $main "give"))))
