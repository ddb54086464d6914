// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/frame/cli11_names.hpp"
#include "core/duration.hpp"

namespace strait::cli {

struct AnalyzeOptions {
  std::string config = "/etc/strait/strait.toml";  // names the store and the paths, for floors
  std::string store;  // SQLite file, opened read-only; empty: the configuration's
  Nanos since{std::chrono::hours{1}};
  std::optional<std::string> path;
  std::optional<std::string> target;
  std::optional<std::string> region;
  bool one_way = false;  // how one-way delays have changed, instead of the evidence
  bool changes = false;  // what happened to the sessions, instead of the evidence
  bool json = false;
  bool csv = false;  // of the evidence
};

using RunAnalyze = std::function<int(const AnalyzeOptions&)>;  // returns the exit status

// Adds `strait analyze [-c FILE | --store FILE]`: the evidence that the stored windows carry. The
// command only reads words into AnalyzeOptions; `run` does the work.
CLI::App* add_analyze_command(CLI::App& app, RunAnalyze run);

}  // namespace strait::cli
