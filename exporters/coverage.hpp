// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace strait::exporters {

// How much of a class goes by evidence of parts of its own. Prefixes are those of the RIB, weights
// those of the class's targets as shares of 1.
struct Coverage {
  std::string traffic_class;
  std::size_t prefixes = 0;
  std::size_t preferred = 0;  // by the plan
  std::size_t in_measured = 0;
  std::size_t in_split = 0;
  double weight_in_measured = 0;
  double weight_in_split = 0;
  bool by_traffic = false;              // the weights are those of captured traffic, and
  std::optional<double> traffic_share;  // so much of all of it is the class's
  std::size_t measured = 0;             // parts, as next; split ones and left out ones among them
  std::size_t unmeasured = 0;
  std::size_t split = 0;
  std::size_t left_out = 0;
};
}  // namespace strait::exporters
