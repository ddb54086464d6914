// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "analyzer/options.hpp"
#include "analyzer/traffic.hpp"
#include "core/address.hpp"
#include "core/config.hpp"
#include "exporters/options.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/options.hpp"
#include "probe/pins.hpp"
#include "routes/catalogue/catalogue.hpp"
#include "routes/inbound.hpp"
#include "routes/options.hpp"
#include "routes/regions.hpp"

namespace strait::cli {

// What the readers of the folders gave, before the catalogue is asked.
struct Parts {
  routes::SiteOptions site;
  std::vector<routes::Path> paths;
  std::vector<probe::NamedPin> pins;
  probe::ProbeOptions probe;
  probe::dpdk::DpdkOptions dpdk;
  std::vector<probe::Target> targets;
  std::vector<routes::RegionRules> regions;
  routes::RoutesOptions routes;
  routes::InboundOptions inbound;
  analyzer::Options analyzer;
  analyzer::TrafficOfTargets traffic_of_targets;
  exporters::ExporterOptions exporters;
};

// Mistakes that only the parts together can show are recorded at the key that makes them.
void check_together(const ConfigTable& root, const Parts& parts,
                    const routes::Catalogue& catalogue);

// Whether an address is in any of the prefixes; nothing is in none.
[[nodiscard]] bool sends_from(const std::optional<Address>& source,
                              std::span<const Prefix> prefixes);

}  // namespace strait::cli
