# Run when files are installed: installs `file` in `destination` without its debug information.
#
#   how=split  a library, which says what the file with its debug information is called
#   how=debug  that file
#   how=strip  anything else
#
# Where there is no tool to strip with, files are installed as they are.
set(to ${CMAKE_INSTALL_PREFIX}/${destination})
get_filename_component(name ${file} NAME)
set(installed $ENV{DESTDIR}${to}/${name})
set(debug_file ${PROJECT_BINARY_DIR}/debug/${name}.debug)

if(how MATCHES "split|debug" AND CMAKE_OBJCOPY AND ${file} IS_NEWER_THAN ${debug_file})
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/debug)
  execute_process(COMMAND ${CMAKE_OBJCOPY} --only-keep-debug ${file} ${debug_file}
    COMMAND_ERROR_IS_FATAL ANY)
endif()

if(how STREQUAL "debug")
  if(CMAKE_OBJCOPY)
    file(INSTALL ${debug_file} DESTINATION ${to}/.debug)
  endif()
  return()
endif()

if(name MATCHES "\\.a$")
  file(INSTALL ${file} DESTINATION ${to})
  set(options --strip-debug)
else()
  file(INSTALL ${file} DESTINATION ${to} USE_SOURCE_PERMISSIONS)
  set(options --strip-unneeded)
endif()
if(how STREQUAL "split" AND CMAKE_OBJCOPY)
  execute_process(COMMAND ${CMAKE_OBJCOPY} ${options} --add-gnu-debuglink=${debug_file} ${installed}
    COMMAND_ERROR_IS_FATAL ANY)
elseif(CMAKE_STRIP)
  execute_process(COMMAND ${CMAKE_STRIP} ${options} ${installed} COMMAND_ERROR_IS_FATAL ANY)
endif()
