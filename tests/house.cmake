# The house itself: its law, its public headers, and what is installed.
find_program(TUBAN_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH) # Debian's, which has Debian's modules
if(NOT TUBAN_PYTHON)
  find_program(TUBAN_PYTHON python3 REQUIRED)
endif()

add_test(NAME rooms COMMAND ${TUBAN_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/test_rooms.py ${PROJECT_SOURCE_DIR})
add_test(NAME headers COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test_headers.sh ${PROJECT_SOURCE_DIR}
                              ${CMAKE_C_COMPILER})
set_tests_properties(headers PROPERTIES SKIP_RETURN_CODE 77)
if(NOT TUBAN_SANITIZE) # the example would have to be built with the same sanitizer
  add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test_install.sh ${PROJECT_SOURCE_DIR}
                                ${PROJECT_BINARY_DIR} ${CMAKE_COMMAND} ${CMAKE_GENERATOR} ${CMAKE_C_COMPILER})
  set_tests_properties(install PROPERTIES TIMEOUT 300)
endif()
set_tests_properties(rooms headers PROPERTIES LABELS house)
