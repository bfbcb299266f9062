# The wasmtime engine, with CMABI_WASMTIME: builds engines/wasmtime with cargo and defines cmabi::wasmtime, which is
# linked beside cmabi::cmabi and is shared or static as that is.
#
# It is built optimized in every configuration: it compiles guests.

if(PROJECT_IS_TOP_LEVEL)
  set(default_wasmtime_dir ${PROJECT_SOURCE_DIR}/engines/wasmtime/target)
else()
  set(default_wasmtime_dir ${PROJECT_BINARY_DIR}/wasmtime-target)
endif()
set(CMABI_WASMTIME_TARGET_DIR ${default_wasmtime_dir} CACHE PATH "Where cargo builds the wasmtime engine")

set(wasmtime_dir ${PROJECT_SOURCE_DIR}/engines/wasmtime)
set(wasmtime_out ${CMABI_WASMTIME_TARGET_DIR}/release)
set(wasmtime_real libcmabi_wasmtime.so.${PROJECT_VERSION})
set(wasmtime_soname libcmabi_wasmtime.so.${PROJECT_VERSION_MAJOR})
set(wasmtime_files ${lib_dir}/${wasmtime_real} ${lib_dir}/${wasmtime_soname} ${lib_dir}/libcmabi_wasmtime.so)

add_custom_target(cmabi_cargo_wasmtime ${all}
  COMMAND ${CMAKE_COMMAND} -E env CMABI_LIB_DIR=${lib_dir}
          ${CARGO_EXECUTABLE} build --release --lib --target-dir ${CMABI_WASMTIME_TARGET_DIR}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${wasmtime_out}/libcmabi_wasmtime.so ${lib_dir}/${wasmtime_real}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${wasmtime_out}/libcmabi_wasmtime.a ${lib_dir}/libcmabi_wasmtime.a
  COMMAND ${CMAKE_COMMAND} -E create_symlink ${wasmtime_real} ${lib_dir}/${wasmtime_soname}
  COMMAND ${CMAKE_COMMAND} -E create_symlink ${wasmtime_soname} ${lib_dir}/libcmabi_wasmtime.so
  BYPRODUCTS ${wasmtime_files} ${lib_dir}/libcmabi_wasmtime.a
  WORKING_DIRECTORY ${wasmtime_dir}
  COMMENT "Building the wasmtime engine with cargo"
  USES_TERMINAL VERBATIM)
# It is linked with the library.
add_dependencies(cmabi_cargo_wasmtime cmabi_cargo)

if(CMABI_USE_STATIC)
  add_library(cmabi::wasmtime STATIC IMPORTED GLOBAL)
  set(wasmtime_file libcmabi_wasmtime.a)
else()
  add_library(cmabi::wasmtime SHARED IMPORTED GLOBAL)
  set_property(TARGET cmabi::wasmtime PROPERTY IMPORTED_SONAME ${wasmtime_soname})
  set(wasmtime_file ${wasmtime_real})
endif()
if(multi_config)
  foreach(config IN LISTS CMAKE_CONFIGURATION_TYPES)
    string(TOUPPER ${config} suffix)
    set_property(TARGET cmabi::wasmtime PROPERTY
      IMPORTED_LOCATION_${suffix} ${PROJECT_BINARY_DIR}/lib/${config}/${wasmtime_file})
  endforeach()
else()
  set_property(TARGET cmabi::wasmtime PROPERTY IMPORTED_LOCATION ${lib_dir}/${wasmtime_file})
endif()
target_link_libraries(cmabi::wasmtime INTERFACE cmabi::cmabi)
target_include_directories(cmabi::wasmtime INTERFACE ${wasmtime_dir}/include)
add_dependencies(cmabi::wasmtime cmabi_cargo_wasmtime)
