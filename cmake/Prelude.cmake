# SPDX-License-Identifier: Apache-2.0
# What most sources include is parsed once, not three hundred times: a third of a build's time.
# The presets dev and tsan do without, so that a source which forgets an include is found.
if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
  function(strait_use_prelude target prelude)
  endfunction()
  return()
endif()

set(strait_prelude_headers
    <fmt/format.h> <algorithm> <array> <boost/asio/ip/address.hpp> <chrono> <cmath> <cstdint> <cstring>
    <functional> <map> <memory> <optional> <span> <string> <string_view> <tl/expected.hpp> <vector>)

file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/prelude.cpp CONTENT "// Compiled for its precompiled header only.\n")
function(strait_prelude name)
  cmake_parse_arguments(arg "" "" "HEADERS;LINK" ${ARGN})
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/prelude.cpp)
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
  # g++ takes a precompiled header only where the same macros are defined, hence fmt for all.
  target_link_libraries(${name} PUBLIC strait_options fmt::fmt ${arg_LINK})
endfunction()

# Not where DPDK's flags hold: for another -march it is of no use.
function(strait_use_prelude target prelude)
  if("PkgConfig::DPDK" IN_LIST ARGN)
    return()
  endif()
  target_link_libraries(${target} PRIVATE ${prelude})
  target_precompile_headers(${target} REUSE_FROM ${prelude})
endfunction()

if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(strait_options INTERFACE -fpch-preprocess)  # asked for by ccache
  # From a precompiled header g++ 12 also reports what it wrongly sees inside std::string (GCC bugs
  # 105329 and 105651, mended in 13). The presets without one keep these warnings.
  target_compile_options(strait_options INTERFACE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  target_compile_options(strait_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")  # asked for by ccache
endif()
strait_prelude(strait_prelude HEADERS ${strait_prelude_headers} LINK Boost::headers tl::expected)
