// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routes/model/decision.hpp"
#include "routes/sources/mrt.hpp"

namespace strait::cli {

struct PeerSummary {
  std::uint64_t routes_v4 = 0;
  std::uint64_t routes_v6 = 0;
  std::uint64_t alone = 0;  // prefixes that nobody else offers
};

struct RibSummary {
  std::vector<PeerSummary> peers;  // as Rib::peers()
  std::uint64_t prefixes_v4 = 0;
  std::uint64_t prefixes_v6 = 0;
};

// All of them: whole lines.
[[nodiscard]] std::string to_text(const routes::RibDump& dump, const RibSummary& summary);
[[nodiscard]] std::string to_json(const routes::RibDump& dump, const RibSummary& summary);

[[nodiscard]] std::string route_text(const routes::Rib& rib, const Prefix& prefix,
                                     const routes::RibRoute& route, bool best);
// Without `best` where nobody has decided.
[[nodiscard]] std::string route_json(const routes::Rib& rib, const Prefix& prefix,
                                     const routes::RibRoute& route, std::optional<bool> best);

[[nodiscard]] std::string decision_text(const routes::Rib& rib, const routes::RibEntry& entry,
                                        const routes::Decision& decision);
[[nodiscard]] std::string decision_json(const routes::Rib& rib, const routes::RibEntry& entry,
                                        const routes::Decision& decision);

// `what`: added, removed, before, after.
[[nodiscard]] std::string change_text(std::string_view what, const routes::Rib& rib,
                                      const Prefix& prefix, const routes::RibRoute& route);
[[nodiscard]] std::string change_json(std::string_view what, const routes::Rib& rib,
                                      const Prefix& prefix, const routes::RibRoute& route);

}  // namespace strait::cli
