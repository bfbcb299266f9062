;; Imports more than most hosts have: an interface with a resource, one of two versions, a plain function, and
;; a function that takes a resource of another interface.
(component
  (import "demo:net/sockets@1.1.0" (instance $sockets
    (export "socket" (type $socket (sub resource)))
    (export "open" (func (param "port" u16) (result (own $socket))))
    (export "port" (func (param "of" (borrow $socket)) (result u16)))))
  (alias export $sockets "socket" (type $socket))
  (import "demo:net/poll@1.1.0" (instance $poll
    (alias outer 1 $socket (type $outer))
    (export "socket" (type $socket' (eq $outer)))
    (export "ready" (func (param "of" (borrow $socket')) (result bool)))))
  (import "plain" (func $plain (param "x" u32) (result u32)))
  (core func $open (canon lower (func $sockets "open")))
  (core func $plain' (canon lower (func $plain)))
  (core func $port (canon lower (func $sockets "port")))
  (core module $m
    (import "" "open" (func $open (param i32) (result i32)))
    (import "" "port" (func $port (param i32) (result i32)))
    (import "" "plain" (func $plain (param i32) (result i32)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "use-open") (param i32) (result i32) (call $open (local.get 0)))
    (func (export "port-of") (param i32) (result i32) (call $port (call $open (local.get 0))))
    (func (export "use-plain") (param i32) (result i32) (call $plain (local.get 0))))
  (core instance $m (instantiate $m (with "" (instance
    (export "open" (func $open)) (export "port" (func $port)) (export "plain" (func $plain'))))))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $m "add")))
  (func (export "use-open") (param "port" u16) (result u32) (canon lift (core func $m "use-open")))
  (func (export "port-of") (param "port" u16) (result u16) (canon lift (core func $m "port-of")))
  (func (export "use-plain") (param "x" u32) (result u32) (canon lift (core func $m "use-plain"))))
