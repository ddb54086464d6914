// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/routes/rib_judge.hpp"
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
  std::map<std::string_view, std::uint64_t> problems;  // routes that have one, by its name
  std::map<std::string_view, std::uint64_t> rov;       // routes by their RPKI state, with VRPs
  std::map<std::string, std::uint64_t> regions;    // prefixes by region, "none" too; if asked for
  std::map<std::string, std::uint64_t> no_region;  // those of "none" by the reason
};

// All of them: whole lines.
[[nodiscard]] std::string to_text(const routes::RibDump& dump, const RibSummary& summary);
[[nodiscard]] std::string to_json(const routes::RibDump& dump, const RibSummary& summary);

[[nodiscard]] std::string route_text(const routes::Rib& rib, const Prefix& prefix,
                                     const routes::RibRoute& route, bool best,
                                     const RouteRemarks& remarks);
// Without `best` where nobody has decided, and without remarks where nobody has looked.
[[nodiscard]] std::string route_json(const routes::Rib& rib, const Prefix& prefix,
                                     const routes::RibRoute& route, std::optional<bool> best,
                                     const RouteRemarks* remarks);

// Where the prefix that was looked up belongs.
[[nodiscard]] std::string placement_text(const Placement& placement);
[[nodiscard]] std::string placement_json(const Prefix& prefix, const Placement& placement);

// A VRP that covers what was asked for.
[[nodiscard]] std::string vrp_text(const routes::Vrp& vrp);
[[nodiscard]] std::string vrp_json(const routes::Vrp& vrp);

[[nodiscard]] std::string decision_text(const routes::Rib& rib, const routes::RibEntry& entry,
                                        const routes::Decision& decision);
[[nodiscard]] std::string decision_json(const routes::Rib& rib, const routes::RibEntry& entry,
                                        const routes::Decision& decision);

// `what`: added, removed, before, after. Without remarks where nobody has looked.
[[nodiscard]] std::string change_text(std::string_view what, const routes::Rib& rib,
                                      const Prefix& prefix, const routes::RibRoute& route,
                                      const RouteRemarks* remarks);
[[nodiscard]] std::string change_json(std::string_view what, const routes::Rib& rib,
                                      const Prefix& prefix, const routes::RibRoute& route,
                                      const RouteRemarks* remarks);

}  // namespace strait::cli
