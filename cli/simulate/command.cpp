// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate/command.hpp"

#include <CLI/CLI.hpp>
#include <limits>
#include <memory>

#include "cli/frame/command_line.hpp"

namespace strait::cli {
namespace {

void add_times(CLI::App& command, const std::shared_ptr<SimulateOptions>& options) {
  command
      .add_option_function<std::string>(
          "--to", [options](const std::string& text) { options->to = read_time("--to", text); },
          "End after so much virtual time, such as 3d")
      ->type_name("TIME");
  command
      .add_option_function<std::string>(
          "--speed",
          [options](const std::string& text) { options->speed = read_time("--speed", text); },
          "Virtual time that each second shows, such as 6h; else as fast as it goes")
      ->type_name("TIME");
}

}  // namespace

CLI::App* add_simulate_command(CLI::App& app, std::function<int(const SimulateOptions&)> run) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* const command = app.add_subcommand(
      "simulate", "The whole pipeline in virtual time: cuts, congestion, clocks");
  command->add_option("scenario", options->scenario,
                      "A scenario file, or the name of one that ships; without it they are listed");
  add_integer(
      *command, "--seed", {.min = 0, .max = std::numeric_limits<std::int64_t>::max(), .unit = "N"},
      [options](std::uint64_t seed) { options->seed = seed; }, "The dice; else the scenario's");
  add_times(*command, options);
  command->add_option("--store", options->store, "SQLite file that gets windows and verdicts")
      ->type_name("FILE");
  command
      ->add_option("--truth", options->truth, "File that gets what really happened, as JSON lines")
      ->type_name("FILE");
  command->add_flag(
      "--no-verdicts", [options](std::int64_t) { options->verdicts = false; },
      "Only measure: decide nothing, which is several times faster");
  command->add_flag("--json", options->json,
                    "Windows, verdicts and the truth, one JSON object a line");
  command->callback([options, work = std::move(run)] {
    if (const int status = work(*options); status != 0) throw CLI::RuntimeError{status};
  });
  return command;
}

}  // namespace strait::cli
