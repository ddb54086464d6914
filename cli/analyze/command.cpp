// SPDX-License-Identifier: Apache-2.0
#include "cli/analyze/command.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/frame/command_line.hpp"

namespace strait::cli {
CLI::App* add_analyze_command(CLI::App& app, RunAnalyze run) {
  auto options = std::make_shared<AnalyzeOptions>();
  CLI::App* command =
      app.add_subcommand("analyze", "Percentiles, loss and floor per path, from the store");

  CLI::Option* const config =
      command->add_option("-c,--config", options->config, "The configuration of the service")
          ->type_name("FILE")
          ->capture_default_str();
  command
      ->add_option("--store", options->store,
                   "The SQLite file itself; without a configuration there are no floors")
      ->type_name("FILE")
      ->excludes(config);
  command
      ->add_option_function<std::string>(
          "--since",
          [options](const std::string& text) { options->since = read_time("--since", text); },
          "How far to look back, such as 30m or 7d")
      ->type_name("TIME")
      ->default_str("1h");
  command->add_option("--path", options->path, "Only this path")->type_name("PATH");
  command->add_option("--target", options->target, "Only this target")->type_name("TARGET");
  command->add_option("--region", options->region, "Only targets of this region")
      ->type_name("REGION");
  CLI::Option* const one_way = command->add_flag(
      "--one-way", options->one_way,
      "How each direction has changed of late, also between clocks that disagree");
  CLI::Option* const changes =
      command
          ->add_flag("--changes", options->changes,
                     "What happened: outages, losses, level shifts, queues, clocks, and what "
                     "explains them")
          ->excludes(one_way);
  CLI::Option* const json = command->add_flag("--json", options->json, "One JSON object a line");
  command->add_flag("--csv", options->csv, "The evidence as CSV, a path and region a line")
      ->excludes(json)
      ->excludes(one_way)
      ->excludes(changes);

  command->callback([options, run = std::move(run)] {
    if (const int status = run(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
