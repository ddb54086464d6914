// SPDX-License-Identifier: Apache-2.0
#include "cli/analyze_command.hpp"

#include <memory>

namespace strait::cli {
namespace {

void read_since(AnalyzeOptions& options, const std::string& text) {
  const auto duration = parse_duration(text);
  if (!duration) throw CLI::ValidationError{"--since", duration.error().message};
  if (*duration <= Nanos::zero()) {
    throw CLI::ValidationError{"--since", "want a time longer than nothing"};
  }
  options.since = *duration;
}

}  // namespace

CLI::App* add_analyze_command(CLI::App& app, RunAnalyze run) {
  auto options = std::make_shared<AnalyzeOptions>();
  CLI::App* command =
      app.add_subcommand("analyze", "Percentiles, loss and floor per path, from the store");

  CLI::Option* const config =
      command->add_option("-c,--config", options->config, "The configuration of `strait run`")
          ->type_name("FILE")
          ->capture_default_str();
  command
      ->add_option("--store", options->store,
                   "SQLite file that `strait run` writes; without a configuration there are no "
                   "floors")
      ->type_name("FILE")
      ->excludes(config);
  command
      ->add_option_function<std::string>(
          "--since", [options](const std::string& text) { read_since(*options, text); },
          "How far to look back, such as 30m or 7d")
      ->type_name("DURATION")
      ->default_str("1h");
  command->add_option("--path", options->path, "Only this path")->type_name("PATH");
  command->add_option("--region", options->region, "Only targets of this region")
      ->type_name("REGION");
  command->add_flag("--json", options->json, "One JSON object per line");

  command->callback([options, run = std::move(run)] {
    if (const int status = run(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return command;
}

}  // namespace strait::cli
