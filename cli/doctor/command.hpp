// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "cli/frame/cli11_names.hpp"
#include "probe/options.hpp"

namespace strait::cli {

struct DoctorOptions {
  std::string config;  // empty: look at the machine only
  probe::Engine engine = probe::Engine::socket;
  std::string device;  // empty: the configuration's, or all hardware of the kernel's
  bool json = false;
};

using RunDoctor = std::function<int(const DoctorOptions&)>;  // returns the exit status

// Adds `strait doctor [-c FILE]`. The command only reads words into DoctorOptions; `run` does the
// work.
CLI::App* add_doctor_command(CLI::App& app, RunDoctor run);

}  // namespace strait::cli
