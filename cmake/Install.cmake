# Install rules: headers, both libraries, the CMake package and the pkg-config file. All of them find
# their files from where they are themselves, so an installed tree can be moved.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} 
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(PROGRAMS ${lib_dir}/${shared_real} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${lib_dir}/${shared_soname} ${lib_dir}/libcmabi.so ${lib_dir}/libcmabi.a
  DESTINATION ${CMAKE_INSTALL_LIBDIR})

if(CMABI_BUILD_TOOLS)
  install(PROGRAMS ${command_file} DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cmabi)
configure_package_config_file(cmake/cmabiConfig.cmake.in cmabiConfig.cmake
  INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(cmabiConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmabiConfig.cmake ${PROJECT_BINARY_DIR}/cmabiConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Bindgen.cmake
  DESTINATION ${package_dir})

set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_to_prefix /prefix/${pc_dir} /prefix)
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
configure_file(cmake/cmabi.pc.in cmabi.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmabi.pc DESTINATION ${pc_dir})
install(FILES cmake/valgrind.supp DESTINATION ${CMAKE_INSTALL_DATADIR}/cmabi)
