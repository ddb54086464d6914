// SPDX-License-Identifier: Apache-2.0
#include "cli/service/command.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "cli/config/command.hpp"
#include "cli/frame/command_line.hpp"
#include "cli/service/service.hpp"

namespace strait::cli {
namespace {

const std::vector<std::string> levels{"debug", "info", "warning", "error"};

// Progress and trouble go to the standard error, data alone to the standard output.
void log_to_stderr(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("strait");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace

void add_run_command(CLI::App& app, std::function<int(const RunOptions&)> run) {
  auto options = std::make_shared<RunOptions>();
  options->config = default_configuration;
  CLI::App* const command =
      app.add_subcommand("run", "The service: probe, decide, tell the router, export");
  command->add_option("-c,--config", options->config, "The configuration")
      ->type_name("FILE")
      ->capture_default_str();
  add_choice(
      *command, "--log-level", levels,
      [options](std::size_t level) { options->log_level = levels[level]; },
      "Log what is at least this urgent")
      ->default_str(options->log_level);
  command->footer("SIGHUP reads the configuration again, SIGTERM and SIGINT end cleanly.");
  command->callback([options, work = std::move(run)] {
    if (const int status = work(*options); status != 0) throw CLI::RuntimeError{status};
  });
}

Result<int> run_service(const RunOptions& options) {
  log_to_stderr(options.log_level);
  auto configuration = load_configuration(options.config);
  if (!configuration) return tl::make_unexpected(configuration.error());
  auto service = Service::open(std::move(*configuration));
  if (!service) return tl::make_unexpected(service.error());
  if (auto ended = (*service)->run(); !ended) return tl::make_unexpected(ended.error());
  return 0;
}

Result<int> check_configuration(const std::string& file) {
  const auto configuration = load_configuration(file);
  if (!configuration) return tl::make_unexpected(configuration.error());
  std::cout << fmt::format("{}: good: {} paths, {} targets, {} sessions\n", file,
                           configuration->paths.size(), configuration->targets.size(),
                           configuration->sessions().size());
  return 0;
}

}  // namespace strait::cli
