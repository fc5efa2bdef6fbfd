# Each kernel NAME has its contract in NAME.h and its definition in NAME_c.c. The definition is compiled
# once for every instruction set (TB_ISA names it): bit-identical by construction, since neither
# contraction nor reassociation is allowed. One table of the functions is made for each set.
function(tuban_kernels)
  cmake_parse_arguments(K "" "" "NAMES" ${ARGN})
  list(TRANSFORM K_NAMES APPEND "_c.c" OUTPUT_VARIABLE definitions)
  set(flags_c)
  set(flags_avx2 -mavx2)
  set(flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND flags_avx512 -mprefer-vector-width=512)
  endif()

  set(sets c)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    list(APPEND sets avx2 avx512)
  endif()

  tuban_room(kernels SOURCES select.c)
  target_compile_definitions(tuban_kernels PRIVATE TB_HAVE_X86=$<IN_LIST:avx2,${sets}>)
  foreach(set IN LISTS sets)
    add_library(tuban_kernels_${set} OBJECT ${definitions} table_c.c)
    target_link_libraries(tuban_kernels_${set} PRIVATE tuban_flags)
    target_compile_definitions(tuban_kernels_${set} PRIVATE TB_ISA=${set}
                               TB_HAS_PLAIN=$<STREQUAL:${set},c>)
    target_compile_options(tuban_kernels_${set} PRIVATE -O3 ${flags_${set}})
    target_sources(tuban_kernels INTERFACE $<TARGET_OBJECTS:tuban_kernels_${set}>)
  endforeach()
endfunction()
