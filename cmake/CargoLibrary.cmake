# Builds the library with cargo and defines cmabi::shared, cmabi::static and cmabi::cmabi.
#
# Cargo runs on each build, for only cargo knows whether its many inputs changed; what it made is
# copied into the build tree when it differs, so an unchanged library relinks nothing.

find_program(CARGO_EXECUTABLE cargo HINTS "$ENV{HOME}/.cargo/bin" REQUIRED)
find_program(RUSTC_EXECUTABLE rustc HINTS "$ENV{HOME}/.cargo/bin" REQUIRED)

# The system libraries of a static library in Rust, as rustc names them: "-lgcc_s -lm -lc ...".
if(NOT DEFINED CMABI_STATIC_SYSTEM_LIBS)
  set(probe ${PROJECT_BINARY_DIR}/cmabi-probe)
  file(WRITE ${probe}.rs "")
  execute_process(
    COMMAND ${RUSTC_EXECUTABLE} --crate-type staticlib --print native-static-libs
            -o ${probe}.a ${probe}.rs
    OUTPUT_VARIABLE printed ERROR_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "native-static-libs: ([^\n]*)" _ "${printed}")
  string(STRIP "${CMAKE_MATCH_1}" libs)
  set(CMABI_STATIC_SYSTEM_LIBS "${libs}" CACHE INTERNAL "What libcmabi.a links with")
endif()
separate_arguments(static_system_libs UNIX_COMMAND "${CMABI_STATIC_SYSTEM_LIBS}")
list(REMOVE_DUPLICATES static_system_libs)

set(cargo_features --no-default-features)
if(CMABI_FEATURES)
  list(APPEND cargo_features --features ${CMABI_FEATURES})
endif()
set(library_features ${cargo_features})
if(CMABI_SANITIZE)
  list(APPEND library_features --features sanitizer)
endif()
set(cargo_profile $<IF:$<CONFIG:Debug>,dev,release>)
set(cargo_folder $<IF:$<CONFIG:Debug>,debug,release>)
set(library_out ${CMABI_CARGO_TARGET_DIR}/${cargo_folder})
set(library_env)
if(CMABI_SANITIZE_THREADS)
  execute_process(COMMAND ${RUSTC_EXECUTABLE} --print host-tuple
    OUTPUT_VARIABLE rust_host OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${RUSTC_EXECUTABLE} --print sysroot
    OUTPUT_VARIABLE rust_sysroot OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  # The standard library is built for it as well: what is done under a lock that the sanitizer does not see
  # looks like a race.
  list(APPEND library_features -Zbuild-std --target ${rust_host})
  set(library_env ${CMAKE_COMMAND} -E env RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=thread)
  set(library_out ${CMABI_CARGO_TARGET_DIR}/${rust_host}/${cargo_folder})
endif()

get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(multi_config)
  set(lib_dir ${PROJECT_BINARY_DIR}/lib/$<CONFIG>)
else()
  set(lib_dir ${PROJECT_BINARY_DIR}/lib)
endif()
set(shared_real libcmabi.so.${PROJECT_VERSION})
set(shared_soname libcmabi.so.${PROJECT_VERSION_MAJOR})
set(shared_files ${lib_dir}/${shared_real} ${lib_dir}/${shared_soname} ${lib_dir}/libcmabi.so)

# The command is built with the library where both have the same features, if CMABI_BUILD_TOOLS or a cmabi_bindgen()
# asks for it: what they share is then built once. Otherwise it is built by itself, and in a folder of its own: in the
# same one, each would undo what cargo knows of the other.
set(cargo_build ${CARGO_EXECUTABLE} build --profile ${cargo_profile} --target-dir)
set(command_dir ${CMABI_CARGO_TARGET_DIR}/command)
set(command_file ${lib_dir}/cmabi${CMAKE_EXECUTABLE_SUFFIX})
set(command_name ${cargo_folder}/cmabi${CMAKE_EXECUTABLE_SUFFIX})
set(build_command COMMAND ${cargo_build} ${command_dir} --package cmabi-tools --bin cmabi
  COMMAND ${CMAKE_COMMAND} -E make_directory ${lib_dir}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${command_dir}/${command_name} ${command_file})
set(command_target cmabi_cargo)
set(made_with_library ${command_file})
set(with_command)
set(and_command)
if(CMABI_FEATURES STREQUAL default AND NOT cmabi_sanitized)
  set(is_asked $<BOOL:$<TARGET_PROPERTY:cmabi_cargo,CMABI_COMMAND_IS_ASKED>>)
  set(with_command "$<${is_asked}:--package;cmabi;--package;cmabi-tools;--bin;cmabi>")
  string(JOIN "\\;" copy ${CMAKE_COMMAND} -E copy_if_different
    ${CMABI_CARGO_TARGET_DIR}/${command_name} ${command_file})
  set(and_command COMMAND "$<${is_asked}:${copy}>")
  set(library_features)
elseif(CMABI_BUILD_TOOLS)
  set(and_command ${build_command})
else()
  set(command_target cmabi_cargo_command)
  set(made_with_library)
  add_custom_target(cmabi_cargo_command ${build_command} BYPRODUCTS ${command_file}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "Building the cmabi command with cargo"
    USES_TERMINAL VERBATIM)
endif()

# The shared library of the same build, or of one of its own.
set(shared_out ${library_out})
set(shared_build)
if(CMABI_LTO AND NOT cmabi_sanitized AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(shared_out ${CMABI_CARGO_TARGET_DIR}/$<IF:$<CONFIG:Debug>,debug,shared>)
  set(shared_build COMMAND ${CARGO_EXECUTABLE} rustc --profile shared --target-dir ${CMABI_CARGO_TARGET_DIR}
    --lib --crate-type cdylib ${cargo_features})
endif()

# What is installed is built, whether or not a program needs it.
set(all)
if(CMABI_INSTALL)
  set(all ALL)
endif()
add_custom_target(cmabi_cargo ${all}
  COMMAND ${library_env} ${cargo_build} ${CMABI_CARGO_TARGET_DIR} --lib "${with_command}" ${library_features}
  ${shared_build}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${lib_dir}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${shared_out}/libcmabi.so ${lib_dir}/${shared_real}
  COMMAND ${CMAKE_COMMAND} -E copy_if_different ${library_out}/libcmabi.a ${lib_dir}/libcmabi.a
  ${and_command}
  COMMAND ${CMAKE_COMMAND} -E create_symlink ${shared_real} ${lib_dir}/${shared_soname}
  COMMAND ${CMAKE_COMMAND} -E create_symlink ${shared_soname} ${lib_dir}/libcmabi.so
  BYPRODUCTS ${shared_files} ${lib_dir}/libcmabi.a ${made_with_library}
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  COMMENT "Building libcmabi with cargo"
  USES_TERMINAL COMMAND_EXPAND_LISTS VERBATIM)
set_property(TARGET cmabi_cargo PROPERTY CMABI_COMMAND_IS_ASKED ${CMABI_BUILD_TOOLS})

add_library(cmabi::shared SHARED IMPORTED GLOBAL)
add_library(cmabi::static STATIC IMPORTED GLOBAL)
set_property(TARGET cmabi::shared PROPERTY IMPORTED_SONAME ${shared_soname})
if(multi_config)
  foreach(config IN LISTS CMAKE_CONFIGURATION_TYPES)
    string(TOUPPER ${config} suffix)
    set(dir ${PROJECT_BINARY_DIR}/lib/${config})
    set_property(TARGET cmabi::shared PROPERTY IMPORTED_LOCATION_${suffix} ${dir}/${shared_real})
    set_property(TARGET cmabi::static PROPERTY IMPORTED_LOCATION_${suffix} ${dir}/libcmabi.a)
  endforeach()
else()
  set_property(TARGET cmabi::shared PROPERTY IMPORTED_LOCATION ${lib_dir}/${shared_real})
  set_property(TARGET cmabi::static PROPERTY IMPORTED_LOCATION ${lib_dir}/libcmabi.a)
endif()
set_property(TARGET cmabi::static PROPERTY INTERFACE_LINK_LIBRARIES ${static_system_libs})
foreach(target cmabi::shared cmabi::static)
  target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR}/include)
  add_dependencies(${target} cmabi_cargo)
endforeach()

add_executable(cmabi::command IMPORTED GLOBAL)
set_target_properties(cmabi::command PROPERTIES
  IMPORTED_LOCATION ${command_file} CMABI_BUILT_BY ${command_target})

if(CMABI_USE_STATIC)
  add_library(cmabi::cmabi ALIAS cmabi::static)
else()
  add_library(cmabi::cmabi ALIAS cmabi::shared)
endif()
