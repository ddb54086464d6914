// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/duration.hpp"
#include "core/result.hpp"
#include "routes/sources/mrt.hpp"

namespace strait::routes {

// A running BIRD as the source of routes.
struct BirdRibSource {
  std::string control_socket = "/run/bird/bird.ctl";
  std::vector<std::string> tables{"master4", "master6"};
  std::string directory = "/tmp";                  // both BIRD and we must be able to use it
  Nanos reply_timeout = std::chrono::seconds{60};  // BIRD answers when the dump is written
};

// Has BIRD write an MRT dump of each table into a directory of its own under `directory`, reads
// them and removes them. The routes and peers of all tables come as one dump.
[[nodiscard]] Result<RibDump> dump_bird(const BirdRibSource& source, const MrtOptions& options);

}  // namespace strait::routes
