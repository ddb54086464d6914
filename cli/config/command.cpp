// SPDX-License-Identifier: Apache-2.0
#include "cli/config/command.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <utility>

namespace strait::cli {

void add_config_command(CLI::App& app, std::function<int(const std::string& file)> check) {
  CLI::App* const config =
      app.add_subcommand("config", "Check a configuration, or print an example");
  config->require_subcommand(1);

  auto file = std::make_shared<std::string>(default_configuration);
  CLI::App* const checked =
      config->add_subcommand("check", "Report every mistake of a configuration");
  checked->add_option("-c,--config,file", *file, "The configuration")
      ->type_name("FILE")
      ->capture_default_str();
  checked->callback([file, run = std::move(check)] {
    if (const int status = run(*file); status != 0) throw CLI::RuntimeError{status};
  });

  CLI::App* const example =
      config->add_subcommand("example", "Print a configuration with every key");
  example->callback([] { std::cout << example_configuration(); });
}

}  // namespace strait::cli
