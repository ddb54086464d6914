// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strait::probe::doctor {

enum class Status : std::uint8_t {
  good,
  note,     // worth knowing; what is measured stays right
  warning,  // times are less exact than they could be, or something of use is missing
  problem,  // what is measured would be wrong, or nothing can be measured
  unknown,  // could not be seen from here
};
[[nodiscard]] std::string_view to_string(Status status);

enum class Group : std::uint8_t { privileges, memory, devices, processor, clock, paths };
[[nodiscard]] std::string_view to_string(Group group);

// One thing that was looked at.
struct Finding {
  Group group = Group::privileges;
  std::string check;    // a fixed word: "huge-pages"
  std::string subject;  // what of: an interface, a path, a CPU; empty: the machine
  Status status = Status::good;
  std::string seen;
  std::string meaning;  // for what is measured; empty: nothing to add
  std::string remedy;   // a command, or a line of the configuration; empty: none that helps
  bool access = false;  // of a problem: a permission or a device is missing
};

using Findings = std::vector<Finding>;

[[nodiscard]] inline Finding path_finding(std::string path, std::string check, Status status,
                                          std::string seen, std::string meaning = "",
                                          std::string remedy = "") {
  return {.group = Group::paths,
          .check = std::move(check),
          .subject = std::move(path),
          .status = status,
          .seen = std::move(seen),
          .meaning = std::move(meaning),
          .remedy = std::move(remedy),
          .access = false};
}

inline void append(Findings& all, Findings more) {
  all.insert(all.end(), std::move_iterator{more.begin()}, std::move_iterator{more.end()});
}

}  // namespace strait::probe::doctor
