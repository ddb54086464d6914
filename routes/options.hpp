// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "core/strong.hpp"
#include "routes/apply/router_target.hpp"
#include "routes/catalogue/catalogue.hpp"
#include "routes/dialects/dialect.hpp"
#include "routes/hygiene.hpp"
#include "routes/model/decision.hpp"
#include "routes/model/modes.hpp"
#include "routes/model/path.hpp"
#include "routes/regions.hpp"
#include "routes/sources/rtr_view.hpp"

namespace strait::routes {

// [site]: where the probes start.
struct SiteOptions {
  std::string name = "site";
  Asn asn{0};
  std::optional<std::string> place;  // id in places.csv; else latitude and longitude
  std::optional<double> latitude;
  std::optional<double> longitude;
  std::optional<std::string> data;  // directory of the catalogue
};

// [routes]
struct RoutesOptions {
  std::string rib;   // an MRT file, or "birdc:SOCKET" to have a running BIRD dump its tables
  std::string rpki;  // a file of VRPs; empty: none
  std::vector<RtrCache> rtr;  // caches that tell VRPs, the preferred ones first; or `rpki`
  Nanos rpki_max_age = std::chrono::hours{24};
  Problems refuse = Problems::all();       // routes with any of these are never preferred
  DecisionOptions decision;                // what the site's routers do otherwise than RFC 4271
  std::vector<std::string> registrations;  // CSV files with prefix,country_iso2
  Modes modes;
  std::optional<RouterTarget> router;  // the one that is told, if there is one
  std::optional<Injector> injector;    // [routes.injector], if it is there
};

[[nodiscard]] SiteOptions read_site(ConfigTable root);

// The reader of [[path]]. Keys of the probes' own (device, source_v4, vlans and so on) are left to
// their reader. Length, floor, countries and risk groups come with complete_paths().
[[nodiscard]] std::vector<Path> read_paths(ConfigTable root);
[[nodiscard]] Result<std::vector<Path>> complete_paths(std::vector<Path> paths,
                                                       const Catalogue& catalogue);

[[nodiscard]] std::vector<RegionRules> read_regions(ConfigTable root);
[[nodiscard]] RoutesOptions read_routes(ConfigTable root);

}  // namespace strait::routes
