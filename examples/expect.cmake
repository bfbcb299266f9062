# cmake -DCOMMAND=... -DOUTPUT=file | -DERROR=regex -P expect.cmake
# Runs a command and compares what it did with what is expected of it; see CMakeLists.txt.
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE error)
if(OUTPUT)
  file(READ ${OUTPUT} expected)
  if(NOT result EQUAL 0 OR NOT output STREQUAL expected)
    message(FATAL_ERROR "answered ${result} and printed:\n${output}${error}\nexpected:\n${expected}")
  endif()
elseif(result EQUAL 0 OR NOT result MATCHES "^[0-9]+$" OR NOT error MATCHES "${ERROR}")
  message(FATAL_ERROR "answered ${result} and printed:\n${output}${error}\nexpected a failure with:\n${ERROR}")
endif()
