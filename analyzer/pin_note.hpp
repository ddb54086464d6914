// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

namespace strait::analyzer {

// What speaks against taking a path's probes for having been on it, and what else its checks found.
struct PinNote {
  bool failed = false;  // they were not: what they measured is no evidence of this path
  std::string words;    // "pin failed: 192.0.2.99 answered, not 192.0.2.2"

  friend bool operator==(const PinNote&, const PinNote&) = default;
};

using PinNotes = std::map<std::string, PinNote, std::less<>>;  // by path; a proven pin has none

}  // namespace strait::analyzer
