# SPDX-License-Identifier: Apache-2.0
# Every library that is not ours, found once. All come from Debian 12 (scripts/packages.txt).
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json iostreams)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)

# DPDK's flags (-march, -include rte_config.h) stay inside probe/dpdk: link PkgConfig::DPDK PRIVATE there only.
find_package(PkgConfig REQUIRED)
pkg_check_modules(DPDK REQUIRED IMPORTED_TARGET libdpdk)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
# Its -pthread defines a macro that a precompiled header was made without.
set_target_properties(PkgConfig::RE2 PROPERTIES INTERFACE_COMPILE_OPTIONS "")

# Only cli/terminal/live_screen.cpp sees it. Not by pkg-config, whose macros would part that folder from its precompiled header.
find_library(NCURSESW ncursesw REQUIRED)

# Likewise only core/packing.cpp sees the one, probe/passive/live_capture.cpp the other.
find_library(ZSTD zstd REQUIRED)
find_library(PCAP pcap REQUIRED)
