# cmake -DCOMPILER=... -DSOURCE=... -DINCLUDE=... -P refused.cmake
# The compiler refuses the program with the sentence of its first line.
file(STRINGS ${SOURCE} lines ENCODING UTF-8)
list(GET lines 0 first)
string(REGEX REPLACE "^// expect: " "" expected "${first}")
execute_process(COMMAND ${COMPILER} -std=c++17 -fsyntax-only -I ${INCLUDE} ${SOURCE}
  RESULT_VARIABLE result ERROR_VARIABLE said)
string(FIND "${said}" "${expected}" at)
if(result EQUAL 0 OR at EQUAL -1)
  message(FATAL_ERROR "answered ${result}, and did not say\n${expected}\nbut\n${said}")
endif()
