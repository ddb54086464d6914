// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/frame/cli11_names.hpp"
#include "core/duration.hpp"

namespace strait::cli {

struct SimulateOptions {
  std::string scenario;               // a file, or the name of one that ships; empty: list those
  std::optional<std::uint64_t> seed;  // the scenario's, unless given
  std::optional<Nanos> to;            // end after so much virtual time
  std::optional<Nanos> speed;  // virtual time for each second; as fast as it goes unless given
  std::string store;           // SQLite file that gets the windows and verdicts
  std::string truth;           // file that gets what really happened, JSON lines
  bool verdicts = true;
  bool json = false;
};

// Adds `strait simulate [SCENARIO]`. The command only reads words into SimulateOptions; `run` does
// the work and returns the exit status.
CLI::App* add_simulate_command(CLI::App& app, std::function<int(const SimulateOptions&)> run);

}  // namespace strait::cli
