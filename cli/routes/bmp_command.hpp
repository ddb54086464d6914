// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/frame/cli11_names.hpp"
#include "core/address.hpp"
#include "core/duration.hpp"

namespace strait::cli {

// `strait routes bmp`: a station for the BMP sessions of routers.
struct BmpOptions {
  std::vector<Endpoint> listen;
  std::vector<Prefix> allow;  // where routers may be
  std::string directory;      // of the dumps; empty: none are written
  Nanos every = std::chrono::seconds{60};
  Nanos keep = std::chrono::minutes{5};  // dumps of a router that is not connected
  std::optional<Nanos> lasts;            // then the command ends
  bool until_complete = false;           // it ends when every router has told all
  bool json = false;
};

void add_bmp_command(CLI::App& routes, std::function<int(const BmpOptions&)> work);

}  // namespace strait::cli
