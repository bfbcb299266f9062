# cmabi_bindgen: host code from WIT, made when a target is built.
#
#   cmabi_bindgen(TARGET app WIT wit WORLD app LANGUAGE CXX [NAMESPACE name] [ASYNC name ...]
#                 [OPTIONS --equality ...])
#
# adds the code that `cmabi bindgen` generates for a world to a target, which then includes "WORLD.hpp", or
# "WORLD.h" with LANGUAGE C. WIT is a folder with a package, a .wit file or a component, whose world is called
# what WORLD says. The code is made again when one of the files changes that it was made of, and the
# target is linked with cmabi::cmabi.
#
# The command is the one that belongs to the library. A project that is compiled for another machine needs
# one for this machine: it is taken from CMABI_COMMAND, or looked for in PATH.

function(cmabi_bindgen)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "TARGET;WIT;WORLD;LANGUAGE;NAMESPACE" "ASYNC;OPTIONS")
  foreach(needed TARGET WIT WORLD LANGUAGE)
    if(NOT arg_${needed})
      message(FATAL_ERROR "cmabi_bindgen: ${needed} is missing")
    endif()
  endforeach()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "cmabi_bindgen: unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT TARGET ${arg_TARGET})
    message(FATAL_ERROR "cmabi_bindgen: ${arg_TARGET} is not a target")
  endif()
  get_filename_component(wit ${arg_WIT} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  # A component may be made when the project is built.
  if(wit MATCHES "\\.wasm$")
    set(made ${wit})
  elseif(NOT EXISTS ${wit})
    message(FATAL_ERROR "cmabi_bindgen: ${wit} does not exist")
  endif()

  # The command names its files after the world, without the package and version that may be before and after.
  string(REGEX REPLACE "^.*/|@.*$" "" base ${arg_WORLD})
  string(TOLOWER ${base} base)
  string(REPLACE "-" "_" base ${base})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/cmabi-bindgen/${arg_TARGET})
  if(arg_LANGUAGE STREQUAL "CXX")
    set(lang cpp)
    set(files ${out}/${base}.hpp)
  elseif(arg_LANGUAGE STREQUAL "C")
    set(lang c)
    set(files ${out}/${base}.h ${out}/${base}.c)
  else()
    message(FATAL_ERROR "cmabi_bindgen: LANGUAGE is C or CXX, not ${arg_LANGUAGE}")
  endif()
  if(arg_NAMESPACE)
    list(APPEND arg_OPTIONS --namespace ${arg_NAMESPACE})
  endif()
  foreach(name IN LISTS arg_ASYNC)
    list(APPEND arg_OPTIONS --async ${name})
  endforeach()

  set(depfile ${out}/${base}.${lang}.d)
  cmabi_command(command depends)
  add_custom_command(OUTPUT ${files}
    COMMAND ${command} bindgen --lang ${lang} --world ${arg_WORLD} --out ${out}
            --depfile ${depfile} ${arg_OPTIONS} ${wit}
    # Files that are current keep their time; for the build system they are new.
    COMMAND ${CMAKE_COMMAND} -E touch ${files}
    DEPENDS ${depends} ${made} DEPFILE ${depfile}
    COMMENT "Generating code for the world ${arg_WORLD}" VERBATIM)
  target_sources(${arg_TARGET} PRIVATE ${files})
  target_include_directories(${arg_TARGET} PRIVATE ${out})
  target_link_libraries(${arg_TARGET} PRIVATE cmabi::cmabi)
endfunction()

# Sets the two variables to the `cmabi` command for the machine that builds, and to what has to be built
# first.
function(cmabi_command command depends)
  if(CMABI_COMMAND)
    set(${command} ${CMABI_COMMAND} PARENT_SCOPE)
    set(${depends} "" PARENT_SCOPE)
  elseif(TARGET cmabi::command AND NOT CMAKE_CROSSCOMPILING)
    get_property(built TARGET cmabi::command PROPERTY CMABI_BUILT_BY)
    if(built)
      set_property(TARGET ${built} PROPERTY CMABI_COMMAND_IS_ASKED ON)
    endif()
    set(${command} $<TARGET_FILE:cmabi::command> PARENT_SCOPE)
    set(${depends} ${built} $<TARGET_FILE:cmabi::command> PARENT_SCOPE)
  else()
    find_program(CMABI_COMMAND cmabi DOC "The cmabi command for the machine that builds")
    if(NOT CMABI_COMMAND)
      message(FATAL_ERROR "cmabi_bindgen: there is no `cmabi` command for this machine: set CMABI_COMMAND")
    endif()
    set(${command} ${CMABI_COMMAND} PARENT_SCOPE)
    set(${depends} "" PARENT_SCOPE)
  endif()
endfunction()
