# Compiles guests/*.wat into ${guest_dir}/*.wasm with the crate's own `compile-guests` example, so that
# testing needs no WebAssembly tools.
file(GLOB guest_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/guests/*.wat)
set(guest_dir ${CMAKE_CURRENT_BINARY_DIR}/guests)
set(guest_compiler ${CMAKE_CURRENT_SOURCE_DIR}/guests/compile.rs)

set(guest_binaries)
foreach(source IN LISTS guest_sources)
  get_filename_component(name ${source} NAME_WE)
  list(APPEND guest_binaries ${guest_dir}/${name}.wasm)
endforeach()

add_custom_command(OUTPUT ${guest_binaries}
  COMMAND ${CARGO_EXECUTABLE} run --quiet --example compile-guests ${cargo_features}
          --target-dir ${CMABI_CARGO_TARGET_DIR} -- ${guest_dir} ${guest_sources}
  DEPENDS ${guest_sources} ${guest_compiler}
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  COMMENT "Compiling guests"
  USES_TERMINAL VERBATIM)
add_custom_target(guests DEPENDS ${guest_binaries})
# Two runs of cargo would wait for each other.
add_dependencies(guests cmabi_cargo)
