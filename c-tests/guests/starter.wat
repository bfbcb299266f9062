;; Whose start function never ends.
(component
  (core module $M
    (func $f (loop $again (br $again)))
    (start $f))
  (core instance (instantiate $M)))
