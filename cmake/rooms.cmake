# A room is a folder of src/ (or kernels/) built as an object library. DEPENDS names the rooms below it,
# LIBRARIES what it takes from outside; tests link single rooms, libtuban is all of them.
add_library(tuban_flags INTERFACE)
target_include_directories(tuban_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src
                                                 ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(tuban_flags INTERFACE _POSIX_C_SOURCE=200809L
                                                 TUBAN_VERSION="${PROJECT_VERSION}")
# Law 1: no contraction into fused multiply-adds, and never -ffast-math or -march=native. Nobody asks errno or the
# floating-point flags what arithmetic did; not keeping them is what lets rows be vectorised.
target_compile_options(tuban_flags INTERFACE
  -ffp-contract=off -fno-math-errno -fno-trapping-math $<$<NOT:$<CONFIG:Debug>>:-O3> -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wwrite-strings -Wvla -Wundef -Wformat=2 $<$<BOOL:${TUBAN_WERROR}>:-Werror>)
if(TUBAN_SANITIZE)
  target_compile_options(tuban_flags INTERFACE -fsanitize=${TUBAN_SANITIZE} -fno-sanitize-recover=all
                                               -fno-omit-frame-pointer)
  target_link_options(tuban_flags INTERFACE -fsanitize=${TUBAN_SANITIZE})
endif()

set_property(GLOBAL PROPERTY TUBAN_ROOMS)

function(tuban_room NAME)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(tuban_${NAME} OBJECT ${ROOM_SOURCES})
  target_link_libraries(tuban_${NAME} PUBLIC tuban_flags ${ROOM_LIBRARIES})
  set_target_properties(tuban_${NAME} PROPERTIES TUBAN_DEPENDS "${ROOM_DEPENDS}")
  set_property(GLOBAL APPEND PROPERTY TUBAN_ROOMS ${NAME})
endfunction()

# The given rooms and everything below them, as a list in OUT.
function(tuban_rooms_closure OUT)
  set(open ${ARGN})
  set(closed)
  while(open)
    list(POP_FRONT open room)
    if(NOT room IN_LIST closed)
      list(APPEND closed ${room})
      get_target_property(depends tuban_${room} TUBAN_DEPENDS)
      if(depends)
        list(APPEND open ${depends})
      endif()
    endif()
  endwhile()
  set(${OUT} ${closed} PARENT_SCOPE)
endfunction()

function(tuban_link_rooms TARGET)
  tuban_rooms_closure(rooms ${ARGN})
  foreach(room IN LISTS rooms)
    target_link_libraries(${TARGET} PRIVATE tuban_${room})
  endforeach()
endfunction()
