;; A component that needs what the demo's hosts do not have.
(component
  (import "demo:app/clock" (instance (export "now" (func (result u64)))))
  (import "demo:app/settings" (instance (export "get" (func (param "key" u32) (result string))))))
