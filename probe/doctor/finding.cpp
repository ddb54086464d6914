// SPDX-License-Identifier: Apache-2.0
#include "probe/doctor/finding.hpp"

#include <array>

namespace strait::probe::doctor {

std::string_view to_string(Status status) {
  static constexpr std::array<std::string_view, 5> names{"good", "note", "warning", "problem",
                                                         "unknown"};
  return names.at(static_cast<std::size_t>(status));
}

std::string_view to_string(Group group) {
  static constexpr std::array<std::string_view, 6> names{"privileges", "memory", "devices",
                                                         "processor",  "clock",  "paths"};
  return names.at(static_cast<std::size_t>(group));
}

}  // namespace strait::probe::doctor
