# SPDX-License-Identifier: Apache-2.0
# strait_library(NAME SOURCES ... HEADERS ... [LINK ...] [PRIVATE ...])
# A folder is a library is a namespace. LINK is public (its headers are used in ours), PRIVATE is not.
# Headers are included from the root of the repository, and each must compile alone: a header X.hpp with an
# X.cpp is proved to by that, which includes it first (scripts/check format) and is compiled without a
# precompiled header (preset tsan); the others by target all_verify_interface_header_sets.
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

add_library(strait_options INTERFACE)
target_compile_options(strait_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12's stable_sort calls a function that it deprecates itself; g++ still warns of ours.
  target_compile_options(strait_options INTERFACE -Wno-deprecated-declarations)
endif()
if(STRAIT_WERROR)
  target_compile_options(strait_options INTERFACE -Werror)
endif()
if(STRAIT_SANITIZE)
  target_compile_options(strait_options INTERFACE -fsanitize=${STRAIT_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(strait_options INTERFACE -fsanitize=${STRAIT_SANITIZE})
endif()

include(Prelude)

function(strait_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS;LINK;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  set(alone ${arg_HEADERS})
  foreach(source ${arg_SOURCES})
    string(REGEX REPLACE "[.]cpp$" ".hpp" header ${source})
    list(REMOVE_ITEM alone ${header})
  endforeach()
  set(proved ${arg_HEADERS})
  list(REMOVE_ITEM proved ${alone})
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${proved}
                         PUBLIC FILE_SET alone TYPE HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${alone})
  if(alone)
    set_target_properties(${name} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY alone)
  else()
    set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS OFF)
  endif()
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC strait_options ${arg_LINK} PRIVATE ${arg_PRIVATE})
  strait_use_prelude(${name} strait_prelude ${arg_PRIVATE})
endfunction()

# strait_test(NAME SOURCES ... LINK ... [THREADS] [LABELS unit|net|dpdk] [PROPERTIES ...])
# One Catch2 program per folder; every TEST_CASE is a ctest test of its own. THREADS: the program starts threads, so
# it is built for ThreadSanitizer too. Without the word it cannot start one (tests/no_threads.cpp).
function(strait_test name)
  cmake_parse_arguments(arg "THREADS" "" "SOURCES;LINK;LABELS;PROPERTIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE strait_options strait_catch_main ${arg_LINK})
  strait_use_prelude(${name} strait_test_prelude ${arg_LINK})
  if(STRAIT_SANITIZE)  # half of the compiler's time at -O1; what is under test keeps its own level
    target_compile_options(${name} PRIVATE -O0)
  elseif(NOT arg_THREADS)
    target_link_libraries(${name} PRIVATE strait_no_threads)
  endif()
  # What measures time is not run under a sanitizer (scripts/check).
  if(STRAIT_SANITIZE AND "net" IN_LIST arg_LABELS OR STRAIT_SANITIZE STREQUAL "thread" AND NOT arg_THREADS)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
    return()
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if("net" IN_LIST arg_LABELS)  # most of these measure time: alone, unless they say otherwise
    list(PREPEND arg_PROPERTIES RUN_SERIAL TRUE)
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST
                       PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 120 ${arg_PROPERTIES})
endfunction()
