// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "routes/apply/router_control.hpp"
#include "routes/model/plan.hpp"

namespace strait::routes {

// What a running router does with a sample of a plan's prefixes.
struct ReadBack {
  std::size_t checked = 0;
  std::size_t as_wanted = 0;  // best via the wanted session, with the wanted local-pref
  std::size_t gone = 0;       // the session no longer offers them: nothing to prefer
  std::size_t marked = 0;     // carry 65535:0 or 65535:666 by now: left alone on purpose
  std::vector<std::string> differences;

  [[nodiscard]] bool agrees() const { return differences.empty(); }
};

// Looks at up to `sample` prefixes of every preference, spread evenly. A preference none of whose
// prefixes the session offers any more is a difference too.
[[nodiscard]] Result<ReadBack> read_back(RouterControl& router, const Plan& plan,
                                         std::size_t sample);

}  // namespace strait::routes
