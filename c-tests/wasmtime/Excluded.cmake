# Test cases that are not run on the wasmtime engine: `not_on_wasmtime_EXECUTABLE`, with the reason.

# Wasmtime tells which functions were running, and at which offsets; wasmi knows the called one alone.
set(not_on_wasmtime_test_frames
  "a trap names the core function*" "a trap names the built-in*" "a trap names the host function*"
  "a trap in a callback*" "in C++ what() does not repeat*")
# Memories go with their store: wasmtime frees no instance by itself. For each byte that memory.fill writes, it charges
# a unit of fuel, where wasmi charges one for 64.
set(not_on_wasmtime_test_interrupt
  "a call has fuel of its own"
  "an instance that is terminated is gone*"
  "what ended instances had is given back*")
# Each call that can be suspended has a stack of its own, of the engine's.
set(not_on_wasmtime_test_limits
  "a stack that the host has made is not overrun")
