// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace strait::probe::kernel {

// One more of `kind`, or several, in a map of counters by name; makes no string for one it knows.
template <class Map>
void count(Map& map, std::string_view kind, std::uint64_t times = 1) {
  const auto found = map.find(kind);
  if (found != map.end()) {
    found->second += times;
  } else {
    map.emplace(kind, times);
  }
}

}  // namespace strait::probe::kernel
