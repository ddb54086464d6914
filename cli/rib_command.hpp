// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli11_names.hpp"
#include "core/strong.hpp"
#include "routes/route_filter.hpp"

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
  Asn site_asn;  // its peers are internal; 0: none is
  bool json = false;
};

// Adds `rib` and its commands to `strait routes`.
void add_rib_command(CLI::App& routes, std::function<int(const RibOptions&)> work);

}  // namespace strait::cli
