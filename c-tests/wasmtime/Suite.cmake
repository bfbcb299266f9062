# The C suite on the wasmtime engine: each executable once more, with a library before it that makes the
# built-in engine wasmtime's. What is left out, and why, is in Excluded.cmake.
include(${CMAKE_CURRENT_LIST_DIR}/Excluded.cmake)

add_library(on_wasmtime MODULE wasmtime/preload.c)
target_link_libraries(on_wasmtime PRIVATE cmabi::wasmtime)

# Traps of native code are signals, whose handlers are the engine's.
target_compile_definitions(doctest_main PRIVATE DOCTEST_CONFIG_NO_POSIX_SIGNALS)

# Adds the executables that are linked with the engine.
function(cmabi_wasmtime_tests)
  foreach(name test_wasmtime test_cache)
    add_executable(${name} wasmtime/${name}.cpp)
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_compile_definitions(${name} PRIVATE GUEST_DIR="${guest_dir}")
    target_link_libraries(${name} PRIVATE cmabi::wasmtime doctest_main)
    add_dependencies(${name} guests)
    add_test(NAME wasmtime.${name} COMMAND ${name})
    set_tests_properties(wasmtime.${name} PROPERTIES LABELS wasmtime TIMEOUT 300)
  endforeach()
endfunction()

function(cmabi_test_on_wasmtime name)
  list(JOIN not_on_wasmtime_${name} "," excluded)
  add_test(NAME wasmtime.${name} COMMAND ${name} "--test-case-exclude=${excluded}")
  set_tests_properties(wasmtime.${name} PROPERTIES LABELS wasmtime TIMEOUT 300
    ENVIRONMENT LD_PRELOAD=$<TARGET_FILE:on_wasmtime>)
  add_dependencies(${name} on_wasmtime)
endfunction()
