// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/frame/cli11_names.hpp"
#include "core/strong.hpp"
#include "routes/hygiene.hpp"
#include "routes/model/decision.hpp"
#include "routes/route_filter.hpp"
#include "routes/sources/rtr_view.hpp"

namespace strait::cli {

enum class RibAction : std::uint8_t { summary, show, lookup, diff, export_lines };
enum class RibFormat : std::uint8_t { bgpdump_m, json };

// `strait routes rib ...`: what MRT files hold.
struct RibOptions {
  RibAction action = RibAction::summary;
  std::vector<std::string> files;  // of `diff`: the first is the old one, the second the new one
  std::optional<Prefix> subject;   // of `lookup`; an address is a prefix of full length
  routes::RouteFilter filter;
  RibFormat format = RibFormat::bgpdump_m;
  Asn site_asn;                                   // its peers are internal; 0: none is
  std::string rpki;                               // a file of VRPs; empty: none
  std::vector<routes::RtrCache> rtr;              // caches of VRPs; none: `rpki`
  std::vector<routes::RovState> rpki_states;      // any of these; empty: all
  routes::Problems problems;                      // any of these; none: all
  std::map<Address, routes::NeighborRole> roles;  // of peers; others are providers
  std::map<Asn, routes::NeighborRole> roles_by_asn;
  routes::DecisionOptions decision;        // what routers do otherwise than RFC 4271
  std::string config;                      // whose regions count; empty: the default ones
  std::vector<std::string> registrations;  // files; none: the configuration's
  std::vector<std::string> regions;        // any of these, "none" for no region; empty: all
  bool json = false;

  // Whether there are VRPs to check routes with.
  [[nodiscard]] bool checks() const { return !rpki.empty() || !rtr.empty(); }
  // Whether `diff` and `export` say what is wrong with a route.
  [[nodiscard]] bool judges() const {
    return checks() || !problems.none() || !roles.empty() || !roles_by_asn.empty();
  }
  // Whether prefixes are put into regions at all.
  [[nodiscard]] bool classifies() const { return !config.empty() || !registrations.empty(); }
};

// Adds `rib` and its commands to `strait routes`.
void add_rib_command(CLI::App& routes, std::function<int(const RibOptions&)> work);

}  // namespace strait::cli
