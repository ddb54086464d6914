// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/traffic.hpp"
#include "cli/config/configuration.hpp"

namespace strait::cli {

// The targets with the weights that [analyzer] weights gives them. Reads the file when it has
// changed. Fails open: whatever is wrong with it, the configured weights are there, and a note.
class TargetWeights {
 public:
  // Valid until the next call.
  [[nodiscard]] const analyzer::Weighed& of(const Configuration& configuration, WallTime now);

 private:
  void read(const std::string& file);

  analyzer::Weighed weighed_;
  analyzer::Traffic traffic_;
  std::string problem_;  // why there is no traffic
  std::string file_;
  std::optional<std::filesystem::file_time_type> changed_;
};

}  // namespace strait::cli
