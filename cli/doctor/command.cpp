// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/command.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/frame/command_line.hpp"

namespace strait::cli {

CLI::App* add_doctor_command(CLI::App& app, RunDoctor run) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* const command =
      app.add_subcommand("doctor", "What hinders measuring here, and what mends it");
  CLI::Option* const config =
      command
          ->add_option("-c,--config", options->config,
                       "Look at what this configuration needs, and probe each of its paths "
                       "[default: the machine only]")
          ->type_name("FILE");
  add_choice(
      *command, "--engine", {"socket", "dpdk"},
      [options](std::size_t word) {
        options->engine = word == 0 ? probe::Engine::socket : probe::Engine::dpdk;
      },
      "The engine that shall probe, without a configuration")
      ->excludes(config);
  command
      ->add_option("-I,--device", options->device,
                   "Interface (socket), or device in the EAL's words (dpdk) [default: every "
                   "interface that has hardware]")
      ->type_name("DEVICE")
      ->excludes(config);
  command->add_flag("--json", options->json, "One JSON object a line");
  command->callback([options, work = std::move(run)] {
    if (const int status = work(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
