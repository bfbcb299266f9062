# Install rules: headers, both libraries, the command, the CMake package and the pkg-config file. All of them
# find their files from where they are themselves, so an installed tree can be moved.
#
# Components: `runtime` is what programs need to run, `debug` the debug information of it, `development` the
# rest. What is installed is stripped; debuggers find the information in .debug beside the library.
include(CMakePackageConfigHelpers)

set(runtime COMPONENT runtime)
set(development COMPONENT development)

# Installs a file of cargo's as Strip.cmake says.
function(install_stripped file destination how component)
  set(variables)
  foreach(variable CMAKE_OBJCOPY CMAKE_STRIP PROJECT_BINARY_DIR file destination how)
    string(APPEND variables "set(${variable} \"${${variable}}\")\n")
  endforeach()
  install(CODE "${variables}" COMPONENT ${component})
  install(SCRIPT cmake/Strip.cmake COMPONENT ${component})
endfunction()

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${development}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install_stripped(${lib_dir}/${shared_real} ${CMAKE_INSTALL_LIBDIR} split runtime)
install_stripped(${lib_dir}/${shared_real} ${CMAKE_INSTALL_LIBDIR} debug debug)
install(FILES ${lib_dir}/${shared_soname} DESTINATION ${CMAKE_INSTALL_LIBDIR} ${runtime})
install(FILES ${lib_dir}/libcmabi.so DESTINATION ${CMAKE_INSTALL_LIBDIR} ${development})
install_stripped(${lib_dir}/libcmabi.a ${CMAKE_INSTALL_LIBDIR} strip development)

if(CMABI_BUILD_TOOLS)
  install_stripped(${command_file} ${CMAKE_INSTALL_BINDIR} strip development)
endif()

if(CMABI_WASMTIME)
  install(DIRECTORY engines/wasmtime/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT wasmtime)
  install_stripped(${lib_dir}/${wasmtime_real} ${CMAKE_INSTALL_LIBDIR} strip wasmtime)
  install(FILES ${lib_dir}/${wasmtime_soname} ${lib_dir}/libcmabi_wasmtime.so DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT wasmtime)
  install_stripped(${lib_dir}/libcmabi_wasmtime.a ${CMAKE_INSTALL_LIBDIR} strip wasmtime)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cmabi)
configure_package_config_file(cmake/cmabiConfig.cmake.in cmabiConfig.cmake
  INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(cmabiConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmabiConfig.cmake ${PROJECT_BINARY_DIR}/cmabiConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Bindgen.cmake
  DESTINATION ${package_dir} ${development})

set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_to_prefix /prefix/${pc_dir} /prefix)
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
configure_file(cmake/cmabi.pc.in cmabi.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmabi.pc DESTINATION ${pc_dir} ${development})
install(FILES cmake/valgrind.supp DESTINATION ${CMAKE_INSTALL_DATADIR}/cmabi ${development})
foreach(component runtime development debug)
  set(package libcmabi-dev)
  if(component STREQUAL "runtime")
    set(package libcmabi${PROJECT_VERSION_MAJOR})
  elseif(component STREQUAL "debug")
    set(package libcmabi${PROJECT_VERSION_MAJOR}-dbg)
  endif()
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} RENAME copyright
    COMPONENT ${component})
endforeach()
