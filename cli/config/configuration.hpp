// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/gather.hpp"
#include "analyzer/inbound.hpp"
#include "analyzer/options.hpp"
#include "analyzer/target.hpp"
#include "analyzer/traffic.hpp"
#include "core/result.hpp"
#include "exporters/options.hpp"
#include "probe/clock_quality.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/mtu_check.hpp"
#include "probe/options.hpp"
#include "probe/pins.hpp"
#include "routes/catalogue/catalogue.hpp"
#include "routes/inbound.hpp"
#include "routes/options.hpp"
#include "routes/regions.hpp"

namespace strait::cli {

// One configuration file, read and checked as a whole: every folder's part, and what follows from
// the parts together.
struct Configuration {
  std::string file;
  routes::SiteOptions site;
  std::vector<routes::Path> paths;  // with lengths, floors and risk groups
  std::vector<probe::NamedPin> pins;
  probe::ProbeOptions probe;
  probe::dpdk::DpdkOptions dpdk;
  std::vector<probe::Target> targets;
  routes::RoutesOptions routes;
  routes::InboundOptions inbound;
  analyzer::Options analyzer;
  analyzer::TrafficOfTargets traffic_of_targets;
  exporters::ExporterOptions exporters;

  std::vector<analyzer::Target> analyzer_targets;
  std::map<std::string, analyzer::Position, std::less<>> far_ends;  // by path
  std::optional<analyzer::Position> position;                       // of the site
  std::map<std::string, analyzer::Position, std::less<>> target_positions;
  routes::Regions regions;

  [[nodiscard]] analyzer::Network network() const {
    return {analyzer_targets, paths, far_ends, position};
  }
  // Of every [[inbound]], in order.
  [[nodiscard]] std::vector<analyzer::InboundClass> inbound_classes() const;
  [[nodiscard]] std::map<std::string, std::string, std::less<>> region_of_targets() const;
  // Every target over every path, in flows.
  [[nodiscard]] std::vector<probe::SessionSpec> sessions() const;
  // Some of them are TCP to an address that is not ours, and slower than the interval: see
  // probe/politeness.hpp.
  [[nodiscard]] bool slows_tcp() const;
  // One of every path and address family that has a target: towards the first of them.
  [[nodiscard]] std::vector<probe::PinCheck> pin_checks() const;
  // The same for the MTU; none where that is not tested.
  [[nodiscard]] std::vector<probe::MtuCheck> mtu_checks() const;
};

// What speaks against going by this machine's wall clock; empty: nothing. A leap second does not.
[[nodiscard]] std::string clock_doubt(const probe::ClockQuality& clock);

// The error of a bad file is ready to print: all mistakes with file:line:column.
[[nodiscard]] Result<Configuration> load_configuration(const std::string& file);
[[nodiscard]] Result<Configuration> parse_configuration(std::string_view text, std::string name);

}  // namespace strait::cli
